"""Trains the embedded model and writes it as ONNX. README.md says how to run it and what came out."""

import argparse
import math
import random
import time

import numpy
import torch

from pictures import accuracy, load, normalize
from vit import ShapesVit


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", required=True, help="folder written by `LampQ.Demo draw`, training seed")
    parser.add_argument("--validation", required=True, help="folder written by `LampQ.Demo draw`, another seed")
    parser.add_argument("--output", required=True, help="weights (.pt); the model goes beside it as .onnx")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate of AdamW")
    parser.add_argument("--decay", type=float, default=0.05, help="weight decay of AdamW")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def train(options):
    random.seed(options.seed)
    numpy.random.seed(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)

    images, labels = load(options.train)
    held_out = load(options.validation)
    model = ShapesVit()
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": options.decay},
                                   {"params": others, "weight_decay": 0.0}], lr=options.rate)
    steps = options.epochs * (len(images) // options.batch)
    warm_up = min(500, steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(
        (step + 1) / warm_up, 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))))

    started = time.time()
    for epoch in range(options.epochs):
        model.train()
        losses, order = [], torch.randperm(len(images))
        for i in range(0, len(images) - options.batch + 1, options.batch):
            chosen = order[i:i + options.batch]
            loss = torch.nn.functional.cross_entropy(model(normalize(images[chosen])), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) % 500 == 0:
                print(f"  step {len(losses)}  loss {sum(losses[-500:]) / 500:.4f}", flush=True)
        print(f"epoch {epoch + 1:2d}  loss {sum(losses) / len(losses):.4f}  validation {accuracy(model, *held_out):.2f} %  "
              f"{time.time() - started:.0f} s", flush=True)
        torch.save(model.state_dict(), options.output)
    return model


def export(model, path):
    model.eval()
    # The batch size of the example is 2: with 1, a broadcast over the batch could hide in the trace.
    torch.onnx.export(model, torch.zeros(2, 3, 32, 32), path, opset_version=17,
                      input_names=["pixel_values"], output_names=["logits"],
                      dynamic_axes={"pixel_values": {0: "batch"}, "logits": {0: "batch"}})


if __name__ == "__main__":
    options = arguments()
    export(train(options), options.output.rsplit(".", 1)[0] + ".onnx")
