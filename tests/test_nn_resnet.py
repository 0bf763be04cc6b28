"""ResNet: against PyTorch's layers under torchvision's names, and what shortcuts do."""

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn import data, optim
from nn.resnet import BasicBlock
from tests.nn_parity import compare, normal


def theirs_block(torch, before, after, stride):
    t = torch.nn

    class Block(t.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = t.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = t.BatchNorm2d(after)
            self.conv2 = t.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = t.BatchNorm2d(after)
            self.downsample = None
            if stride != 1 or before != after:
                self.downsample = t.Sequential(
                    t.Conv2d(before, after, 1, stride, bias=False), t.BatchNorm2d(after)
                )

        def forward(self, x):
            out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return torch.relu(out + (x if self.downsample is None else self.downsample(x)))

    return Block()


def theirs_resnet(torch):
    t = torch.nn

    class Net(t.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = t.Conv2d(3, 4, 3, padding=1, bias=False)
            self.bn1 = t.BatchNorm2d(4)
            self.layer1 = t.Sequential(theirs_block(torch, 4, 4, 1), theirs_block(torch, 4, 4, 1))
            self.layer2 = t.Sequential(theirs_block(torch, 4, 8, 2))
            self.avgpool = t.AdaptiveAvgPool2d(1)
            self.fc = t.Linear(8, 5)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            return self.fc(self.avgpool(self.layer2(self.layer1(x))).flatten(1))

    return Net()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("before", [3, 5])
def test_a_block_is_pytorchs(before, stride):
    torch = pytest.importorskip("torch")
    ours = BasicBlock(before, 5, stride, dtype=np.float64, rng=0)
    compare(ours, theirs_block(torch, before, 5, stride).double(), normal(3, before, 7, 6), torch)


def test_a_network_is_pytorchs_with_the_names_of_torchvision():
    torch = pytest.importorskip("torch")
    ours = nn.ResNet((2, 1), (4, 8), num_classes=5, dtype=np.float64, rng=0)
    compare(ours, theirs_resnet(torch).double(), normal(3, 3, 9, 8), torch)
    assert "layer1.1.bn2.running_var" in ours.state_dict()
    assert "layer2.0.downsample.1.num_batches_tracked" in ours.state_dict()


def test_shortcuts_project_only_where_the_shape_changes():
    net = nn.ResNet((2, 2), (4, 8), rng=0)
    projecting = [
        name for name, m in net.named_modules() if isinstance(m, BasicBlock) and m.downsample
    ]
    assert projecting == ["layer2.0"]


def test_with_zeros_every_block_starts_as_the_identity():
    net = nn.ResNet((2,), (4,), zero_init_residual=True, dtype=np.float64, rng=0)
    x = Tensor(np.abs(normal(2, 4, 6, 6)))
    np.testing.assert_array_equal(net.layer1(x).numpy(), x.numpy())
    assert (nn.ResNet((2,), (4,), dtype=np.float64, rng=0).layer1(x).numpy() != x.numpy()).any()


def test_it_refuses_stages_without_channels():
    for blocks, channels in (((1, 1), (4,)), ((), ()), ((0,), (4,))):
        with pytest.raises(ValueError, match=r"ResNet: blocks .* one of each for every stage"):
            nn.ResNet(blocks, channels)


def test_it_learns_digits():
    train, test = data.digits(flat=False)
    few = data.TensorDataset(*train[:1500])
    model = nn.ResNet((1, 1), (8, 16), in_channels=1, rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    nn.fit(model, few, epochs=2, optimizer=optimizer, rng=0, progress=False)
    assert nn.evaluate(model, data.TensorDataset(*test[:1000]))["accuracy"] > 0.85
