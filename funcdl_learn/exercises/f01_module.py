"""A class that all modules inherit from.

A module has three methods. `forward(*inputs)` gives an output, `backward(*gradients)` gives the
gradient of the loss with respect to the input from that with respect to the output, and `param()`
lists pairs of a parameter and its gradient. What is common to all is little: `forward` and
`backward` of the class itself raise NotImplementedError, and `param()` is an empty list, which is
right for all modules without parameters.

Write the class `Module` in framework.py. A new list each time: whoever appends to one must not find
it in another module.

Tutorial: "A loss is a layer".
"""

# ---------- the teacher's half ----------
from funcdl_learn.framework import only_torch
from funcdl_learn.given import WrongError

FILE = "framework.py"

WRONG = {
    "no param": ("    def param(self):\n        \"\"\"List pairs of a parameter and its gradient.\"\"\"\n        return []\n", ""),
    "param gives None": ("        return []\n", "        return None\n"),
    "param gives a tuple": ("        return []\n", "        return ()\n"),
    "one list for all": (
        "    def param(self):\n        \"\"\"List pairs of a parameter and its gradient.\"\"\"\n        return []\n",
        "    def param(self, found=[]):\n        return found\n",
    ),
    "forward gives its input": (
        "\"\"\"Give the output, a tensor or a tuple of tensors.\"\"\"\n        raise NotImplementedError",
        "return inputs",
    ),
    "backward gives its input": (
        "\"\"\"Add to the parameters' gradients, and give the gradient of the input.\"\"\"\n        raise NotImplementedError",
        "return gradients",
    ),
    "forward takes one input": ("def forward(self, *inputs)", "def forward(self, x)"),
    "backward takes one gradient": ("def backward(self, *gradients)", "def backward(self, dy)"),
    "another error": (
        "\"\"\"Give the output, a tensor or a tuple of tensors.\"\"\"\n        raise NotImplementedError",
        "raise ValueError",
    ),
    "needs an argument": ("    def forward(self, *inputs)", "    def __init__(self, name):\n        self.name = name\n\n    def forward(self, *inputs)"),
    "PyTorch's": ("class Module:", "import torch.nn\n\n\nclass Module:"),
    "param is no method": ("    def param(self):\n        \"\"\"List", "    @property\n    def param(self):\n        \"\"\"List"),
}  # fmt: skip


def grade(given):
    only_torch(given)
    module = given.Module()
    for name in ("forward", "backward"):
        for count in (0, 1, 2):
            try:
                getattr(module, name)(*[1.0] * count)
            except NotImplementedError:
                continue
            except Exception as error:
                raise WrongError(
                    f"expected Module().{name} with {count} arguments to raise NotImplementedError, "
                    f"got {type(error).__name__}"
                ) from None
            raise WrongError(
                f"expected Module().{name} with {count} arguments to raise NotImplementedError, "
                "but it returned"
            )
    if not callable(getattr(module, "param", None)):
        raise WrongError("expected Module() to have a method param")
    found = module.param()
    if found != [] or not isinstance(found, list):
        raise WrongError(f"expected Module().param() to be an empty list, got {found!r}")
    found.append("mine")
    if given.Module().param() != []:
        raise WrongError("expected param() to give a new list each time, got one that was changed")
