"""A small deep-learning framework, from an empty file.

Modules here keep what their forward pass saw, and a gradient beside each parameter. Everything is
written with PyTorch's tensor operations and the standard library's math; no autograd, no torch.nn.

    Module               forward(*inputs), backward(*gradients), param()
    Linear(n_in, n_out)  ReLU()  Tanh()  Sequential(*modules)  LossMSE()
    SGD(param, lr)       step(), zero_grad()
    disc(x, target)      trains a network, and returns it

The README beside this file has the eight steps, f01 to f08, one after the other.
"""

# solution
import math

import torch


class Module:
    """What modules and losses have in common; one without parameters inherits `param`."""

    def forward(self, *inputs):
        """Give the output, a tensor or a tuple of tensors."""
        raise NotImplementedError

    def backward(self, *gradients):
        """Add to the parameters' gradients, and give the gradient of the input."""
        raise NotImplementedError

    def param(self):
        """List pairs of a parameter and its gradient."""
        return []


class Linear(Module):
    """y = x w + b for each row of x."""

    def __init__(self, n_in, n_out):
        bound = 1 / math.sqrt(n_in)
        self.w = torch.empty(n_in, n_out).uniform_(-bound, bound)
        self.b = torch.empty(n_out).uniform_(-bound, bound)
        self.dw = torch.zeros(n_in, n_out)
        self.db = torch.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw += self.x.t() @ dy
        self.db += dy.sum(0)
        return dy @ self.w.t()

    def param(self):
        return [(self.w, self.dw), (self.b, self.db)]


class ReLU(Module):
    """y = max(x, 0)."""

    def forward(self, x):
        self.x = x
        return x.clamp(min=0)

    def backward(self, dy):
        return dy * (self.x > 0)


class Tanh(Module):
    """y = tanh(x)."""

    def forward(self, x):
        self.y = x.tanh()
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y * self.y)


class Sequential(Module):
    """Modules, one behind the other."""

    def __init__(self, *modules):
        self.modules = modules

    def forward(self, x):
        for module in self.modules:
            x = module.forward(x)
        return x

    def backward(self, dy):
        for module in reversed(self.modules):
            dy = module.backward(dy)
        return dy

    def param(self):
        return [pair for module in self.modules for pair in module.param()]


class LossMSE(Module):
    """The mean of (y − t)² over all numbers."""

    def forward(self, y, t):
        self.difference = y - t
        return (self.difference * self.difference).mean()

    def backward(self):
        return 2 * self.difference / self.difference.numel()


class SGD:
    """Gradient descent: steps of lr times the gradient, in place."""

    def __init__(self, param, lr):
        self.pairs = param
        self.lr = lr

    def step(self):
        for p, grad in self.pairs:
            p -= self.lr * grad

    def zero_grad(self):
        for _, grad in self.pairs:
            grad.zero_()


def disc(x, target):
    """Train three hidden layers of 25 units to tell points inside of the disc from those outside."""
    hidden = [Linear(2, 25), Tanh(), Linear(25, 25), Tanh(), Linear(25, 25), Tanh()]
    model, loss = Sequential(*hidden, Linear(25, 1)), LossMSE()
    descent = SGD(model.param(), 0.3)
    for epoch in range(100):
        descent.lr = 0.3 * (1 - epoch / 100)  # ever smaller, so that it comes to rest
        for places in torch.randperm(len(x)).split(10):
            loss.forward(model.forward(x[places]), target[places])
            descent.zero_grad()
            model.backward(loss.backward())
            descent.step()
    return model
