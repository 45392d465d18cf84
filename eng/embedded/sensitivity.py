"""How much does the model mind low bits? Weights of all linear layers in the blocks are rounded per output channel
(symmetric, scale = max|w| / (2^(bits-1) - 1)); patch embedding and head stay at 8 bits; activations stay float."""

import argparse

import torch

from pictures import accuracy, load
from vit import ShapesVit


def rounded(weight, bits):
    rows = weight.flatten(1)
    limit = 2 ** (bits - 1) - 1
    scale = rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / limit
    return ((rows / scale).round().clamp(-limit, limit) * scale).reshape(weight.shape)


def quantized(state, bits_of):
    model = ShapesVit()
    model.load_state_dict(state)
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            module.weight.data = rounded(module.weight.data, bits_of(name) if name.startswith("blocks") else 8)
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True, help="what train.py saved")
    parser.add_argument("--images", required=True, help="folder written by `LampQ.Demo draw`")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--layers", action="store_true", help="also one layer at a time, at 3 and 2 bits")
    options = parser.parse_args()
    torch.set_num_threads(1)

    images, labels = (t[:options.limit] for t in load(options.images))
    state = torch.load(options.weights)
    fp32 = ShapesVit()
    fp32.load_state_dict(state)
    print(f"fp32     {accuracy(fp32, images, labels):.2f} %")
    for bits in (8, 6, 5, 4, 3, 2):
        print(f"{bits} bits   {accuracy(quantized(state, lambda _: bits), images, labels):.2f} %", flush=True)
    if options.layers:
        names = [n for n, m in fp32.named_modules() if isinstance(m, torch.nn.Linear) and n.startswith("blocks")]
        for layer in names:
            low = [accuracy(quantized(state, lambda name: bits if name == layer else 8), images, labels) for bits in (3, 2)]
            print(f"{layer:20} 3 bits {low[0]:.2f} %  2 bits {low[1]:.2f} %", flush=True)
