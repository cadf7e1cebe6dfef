# awk -f tests/rooms.awk ebim.h ebim.h: what is wrong with the order of the header's rooms, a line
# each, and status 1. A room is a section of the implementation, found by its tag; the file is read
# twice, first for what stands where. Wrong are: contents that are not the tags; a tag or a name in
# a comment that there is not; a room that uses what a room below it defines; a public function
# that is declared in the section of another room than its own; a public function, type or macro
# without a comment of its own or of its group.

function wrong(what) {
    print FILENAME ":" FNR ": " what
    bad = 1
}

# code and comment of the line, across lines; strings are left out of both
function split_line(line,    i, rest) {
    code = comment = ""
    rest = line
    while (rest != "") {
        if (inside) {
            i = index(rest, "*/")
            if (!i) { comment = comment " " rest; return }
            comment = comment " " substr(rest, 1, i - 1)
            rest = substr(rest, i + 2)
            inside = 0
        } else if (match(rest, /\/\*|"([^"\\]|\\.)*"/)) {
            code = code substr(rest, 1, RSTART - 1) " "
            inside = substr(rest, RSTART, 1) == "/"
            rest = substr(rest, RSTART + RLENGTH)
        } else {
            code = code rest
            return
        }
    }
}

# the name that stands before the first parenthesis of s
function function_of(s) {
    sub(/\(.*/, "", s)
    sub(/[ ]+$/, "", s)
    sub(/.*[ *]/, "", s)
    return s
}

function define(name) {
    if (name != "" && !(name in at)) at[name] = room
}

FNR == 1 { pass++; room = 0; section = ""; inside = 0; part = "manual"; group = "" }

/^#define EBIM_H$/ { part = "declared" }
/^#ifdef EBIM_IMPLEMENTATION/ { part = "between" }
/^ \* >>[a-z]+  / {
    part = "room"
    name = substr($2, 3)
    room++
    if (pass == 1) { tag[room] = name; number[name] = room }
}
part == "manual" && pass == 1 && /^    >>[a-z]+ / { contents[++listed] = substr($1, 3) }
part == "declared" && /^ \* [a-z, ]+: / && before ~ /^\/\* -----/ {
    section = $0
    sub(/^ \* /, "", section)
    sub(/:.*/, "", section)
    gsub(/,| and/, "", section)
}

{ before = $0; split_line($0) }

# ---- first reading: what is declared, and what is defined where ----

pass == 1 && part == "declared" && code ~ /^EBIM_API / {
    name = function_of(code)
    if (name ~ /^ebim_/) { declared[name] = section; line[name] = FNR }
}
pass == 1 && part == "room" && code ~ /^(EBIM_API|EBIM__PRIVATE|EBIM__INLINE|static)[ (]/ {
    rest = code
    sub(/ = .*/, "(", rest)
    name = function_of(rest)
    sub(/\[.*/, "", name)
    define(name)
}
pass == 1 && part == "room" && code ~ /^(typedef )?(struct|enum|union) ebim_[a-z0-9_]+ \{/ {
    rest = code
    sub(/^typedef /, "", rest)
    split(rest, word, " ")
    define(word[2])
}
pass == 1 && part == "room" && code ~ /^#define EBIM__/ {
    name = $2
    sub(/\(.*/, "", name)
    define(name)
}
pass == 1 {
    rest = $0
    while (match(rest, /[A-Za-z_][A-Za-z0-9_]*/)) {
        word_is = substr(rest, RSTART, RLENGTH)
        if (code != "" && index(code, word_is)) known[word_is] = 1
        rest = substr(rest, RSTART + RLENGTH)
    }
}

# ---- second reading ----

pass == 2 && FNR == 1 {
    for (i = 1; i <= listed || i in tag; i++)
        if (contents[i] != tag[i]) wrong("contents: >>" contents[i] ", sections: >>" tag[i])
    for (name in declared) {
        if (!(name in at)) continue
        n = split(declared[name], word, " ")
        found = 0
        for (i = 1; i <= n; i++) found += word[i] == tag[at[name]]
        if (!found) {
            print FILENAME ":" line[name] ": " name " is declared under `" declared[name] \
                "` and defined in >>" tag[at[name]]
            bad = 1
        }
    }
}
pass == 2 {
    rest = comment
    while (match(rest, />>[a-z]+/)) {
        name = substr(rest, RSTART + 2, RLENGTH - 2)
        if (!(name in number)) wrong("there is no >>" name)
        rest = substr(rest, RSTART + RLENGTH)
    }
    rest = comment
    while (match(rest, /(ebim|EBIM)_[A-Za-z0-9_]+[*]?/)) {
        name = substr(rest, RSTART, RLENGTH)
        if (name !~ /[*_]$/ && !(name in known)) wrong("there is no " name)
        rest = substr(rest, RSTART + RLENGTH)
    }
}
pass == 2 && part == "room" {
    rest = code
    while (match(rest, /(ebim|EBIM)_[A-Za-z0-9_]+/)) {
        name = substr(rest, RSTART, RLENGTH)
        if (name in at && at[name] > room && tag[room] != "isa") # >>dispatch includes it
            wrong(">>" tag[room] " uses " name " of >>" tag[at[name]] ", which is below it")
        rest = substr(rest, RSTART + RLENGTH)
    }
}

# A group is what stands between two blank lines; it begins with a comment, or each has its own.
pass == 2 && part == "declared" {
    if ($0 == "") {
        if (waiting != "" && group == "") wrong(waiting " has no comment")
        group = waiting = ""
    }
    if (comment != "" && $0 !~ /^ \* |^\/\* ---/) group = "told"
    else if (comment != "") group = "told"
    if (group == "" && code ~ /^(EBIM_API |typedef |#define EBIM_[A-Z])/ &&
        code !~ /^#define EBIM_H$|^typedef struct ([a-z_]+) [a-z_]+;/)
        waiting = code
}

END { exit bad }
