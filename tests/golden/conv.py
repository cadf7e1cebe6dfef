"""Writes tests/golden/conv.h: ops on images as PyTorch computes them in double, with the gradients
of <u, y>. Weights are in PyTorch's order: [out][in][k][k], transposed [in][out][k][k]. Inputs are
multiples of 1/64, exact in float; those of one image differ, so that a maximum is one pixel."""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)

# op, C, H, W, out, kernel, stride, padding
CASES = [
    ("CONV", 2, 5, 4, 3, 3, 1, 1), ("CONV", 1, 7, 6, 2, 3, 2, 1), ("CONV", 3, 5, 5, 1, 2, 3, 0),
    ("CONV", 2, 4, 3, 2, 5, 2, 4), ("TRANSPOSED", 2, 3, 2, 3, 2, 2, 0),
    ("TRANSPOSED", 3, 2, 3, 1, 3, 2, 1), ("TRANSPOSED", 1, 4, 3, 2, 3, 1, 2),
    ("TRANSPOSED", 2, 2, 2, 2, 1, 3, 0), ("MAX_POOL", 2, 5, 4, 0, 2, 2, 0),
    ("MAX_POOL", 1, 6, 5, 0, 3, 1, 0), ("AVERAGE", 2, 5, 4, 0, 2, 2, 0),
    ("AVERAGE", 1, 7, 5, 0, 3, 2, 0), ("REPEAT", 2, 2, 3, 0, 3, 0, 0),
    ("BILINEAR", 2, 3, 4, 0, 2, 0, 0), ("BILINEAR", 1, 2, 5, 0, 3, 0, 0)]


def numbers(*shape):
    count = 1
    for n in shape:
        count *= n
    return ((torch.randperm(max(count, 128))[:count].reshape(shape) - 64) / 64.0).clone()


def run(op, C, H, W, out, k, s, p):
    x = numbers(C, H, W).requires_grad_()
    w = b = None
    if op == "CONV":
        w, b = numbers(out, C, k, k).requires_grad_(), numbers(out).requires_grad_()
        y = F.conv2d(x[None], w, b, stride=s, padding=p)
    elif op == "TRANSPOSED":
        w, b = numbers(C, out, k, k).requires_grad_(), numbers(out).requires_grad_()
        y = F.conv_transpose2d(x[None], w, b, stride=s, padding=p)
    elif op == "MAX_POOL":
        y = F.max_pool2d(x[None], k, s)
    elif op == "AVERAGE":
        y = F.avg_pool2d(x[None], k, s)
    elif op == "REPEAT":
        y = F.interpolate(x[None], scale_factor=k, mode="nearest")
    else:
        y = F.interpolate(x[None], scale_factor=k, mode="bilinear", align_corners=True)
    u = numbers(*y.shape)
    (u * y).sum().backward()
    empty = torch.zeros(0)
    theta = torch.cat([w.flatten(), b]) if w is not None else empty
    grad = torch.cat([w.grad.flatten(), b.grad]) if w is not None else empty
    return [t.detach().flatten().tolist() for t in (x, theta, u, y, x.grad, grad)]


with open("tests/golden/conv.h", "w") as f:
    f.write("/* Made by PyTorch %s (tests/golden/conv.py): of each case x, theta, u, y = op(x), and"
            " the\n * gradients of <u, y> by x and by theta */\n" % torch.__version__.split("+")[0])
    f.write("static const double torch_numbers[] = {\n")
    rows = []
    for case in CASES:
        parts = run(*case)
        values = [v for part in parts for v in part]
        rows.append((case, [len(part) for part in parts]))
        line = "    "
        for v in values:
            item = "%.17g, " % v
            if len(line) + len(item) > 100:
                f.write(line.rstrip() + "\n")
                line = "    "
            line += item
        f.write(line.rstrip() + "\n")
    f.write("    0};\n\nstatic const struct {\n    spec s;\n    int x, theta, y;\n"
            "} torch_cases[] = {\n")
    for (op, *rest), n in rows:
        f.write("    {{%s, %s, EBIM_FN_IDENTITY}, %d, %d, %d},\n"
                % (op, ", ".join(map(str, rest)), n[0], n[1], n[3]))
    f.write("};\n")
