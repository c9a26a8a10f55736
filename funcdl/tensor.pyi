from torch import Generator as Generator
from torch import Tensor as Tensor
from torch import empty as empty
