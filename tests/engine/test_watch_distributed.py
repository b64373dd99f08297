"""Watching from the first of several processes that train together."""

import socket

import torch
from torch import distributed, nn
from torch.multiprocessing import spawn

from etude.engine.watch import Watch, is_first_process
from etude.engine.watch_options import Options
from etude.records.read import read


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def worker(rank, port, folder, *, everywhere):
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.manual_seed(0)
    model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watch = Watch(model, [optimizer], Options(every=1, path=folder / "run.jsonl"))
    if is_first_process() or everywhere:
        watch.open()
    for step in range(6):
        x = torch.full((3, 2), float(rank + step))
        loss = model(x).pow(2).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if is_first_process() or everywhere:
            watch.loss(loss)
    watch.close()
    torch.save((model.module.state_dict(), watch.step, list(watch.run.curves)), folder / f"rank{rank}")
    distributed.destroy_process_group()


def alone(rank, port, folder):
    worker(rank, port, folder, everywhere=False)


def on_all(rank, port, folder):
    worker(rank, port, folder, everywhere=True)


def test_the_first_process_watches_alone(tmp_path):
    spawn(alone, (free_port(), tmp_path), nprocs=2)
    first, second = (torch.load(tmp_path / f"rank{rank}") for rank in (0, 1))
    assert (first[1], second[1]) == (6, 0)
    assert all(torch.equal(first[0][name], second[0][name]) for name in first[0])
    assert [name for name in first[2] if name.startswith("layers/")] == [
        *(f"layers/0/{name}" for name in ("gradient_norm", "weight_norm", "update_ratio")),
        "layers/1/dead",
        *(f"layers/2/{name}" for name in ("gradient_norm", "weight_norm", "update_ratio")),
    ]
    assert read([tmp_path / "run.jsonl"]).runs[0].last_step == 6


def test_where_all_watch_one_of_them_writes(tmp_path):
    spawn(on_all, (free_port(), tmp_path), nprocs=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rank0", "rank1", "run.jsonl"]
    assert torch.load(tmp_path / "rank1")[1] == 6
