using System;
using System.Collections.Generic;
using System.Linq;
using RedisClusterOps.Cluster.Tests.Repair;
using RedisClusterOps.Lab;
using static RedisClusterOps.Cluster.Tests.Comparison.FixScenes;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>
/// The table in docs/redis-cli.md, which the tests check for both tools. S owns the slot, T is its target, X is another master.
/// </summary>
internal static class FixCases
{
    public static IReadOnlyList<FixCase> All { get; } =
    [
        new("2 of 4 keys have moved; run against S", scene => scene.WedgeAsync(4, moved: 2))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("The same; run against T", scene => scene.WedgeAsync(4, moved: 2))
        {
            Entry = scene => scene.Target,
            MayLose = true,
            Tool = "exit 0: T owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("1 of 4 keys has moved", scene => scene.WedgeAsync(4, moved: 1))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("3 of 4 keys have moved", scene => scene.WedgeAsync(4, moved: 3))
        {
            MayLose = true,
            Tool = "exit 0: T owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("Opened, nothing has moved", scene => scene.WedgeAsync(4, moved: 0))
        {
            Tool = "exit 0: T owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("S migrates, T does not import, nothing has moved", StateOf("MigratingOnly"))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("S migrates, T lost its flag and holds keys", StateOf("MigratingOnly, keys moved"))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("T imports and holds keys, S has no flag", StateOf("StrayKeys"))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("One key on both nodes, equal values", scene => WithCopyAsync(scene, null))
        {
            MayLose = true,
            Tool = "exit 1: T owns it, S migrates to T; 1 key on two nodes",
            ToolOnValkey = "exit 1: T owns it, S imports from T; 1 key on two nodes",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("One key on both nodes, different values", scene => WithCopyAsync(scene, FixCase.Rival))
        {
            MayLose = true,
            Tool = "exit 1: T owns it, S migrates to T; T's value is read, 1 key on two nodes",
            Ours = "stopped, KeyExistsOnTarget: S owns it, S migrates to T, T imports from S; 1 key on two nodes",
        },
        new("Only T has a flag, one key on both nodes, different values", async scene =>
        {
            await scene.WriteAsync(4);
            await scene.StrayAsync(scene.Target, scene.Keys[0], FixCase.Rival);
        })
        {
            Tool = "exit 1: S owns it, T imports from S; 1 key on two nodes",
            Ours = "stopped, KeyExistsOnTarget: S owns it, T imports from S; 1 key on two nodes",
        },
        new("S migrates to T; T and X import, X holds the most keys", async scene =>
        {
            await scene.WedgeAsync(6, moved: 2);
            await scene.SetSlotAsync(X(scene), "IMPORTING", scene.Source);
            await scene.Source.SendAsync(
                ["MIGRATE", X(scene).Endpoint.Host, X(scene).Endpoint.Port, "", 0, 20_000, "KEYS", .. scene.Keys.Take(3)]);
        })
        {
            MayLose = true,
            Tool = "exit 0: X owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("S migrates to T; only X imports", StateOf("Tangled, other importer"))
        {
            Tool = "exit 0: X owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("S migrates to T; T and X import, both without a key", async scene =>
        {
            await scene.WedgeAsync(4, moved: 0);
            await scene.SetSlotAsync(X(scene), "IMPORTING", scene.Source);
        })
        {
            Tool = "exit 0: T owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("T imports from X, which does not own it", StateOf("Tangled, from a third"))
        {
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("S handed it over, T did not take over", StateOf("FinishedOnSource"))
        {
            Cluster = WithDebug,
            Tool = "exit 1: no owner, T imports from S; 12 keys hidden",
            ToolOnValkey = "exit 1: T owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("T holds a key of S's slot, no flags", StrayAsync)
        {
            Tool = "exit 0: S owns it; 1 key hidden",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("The same, with `--cluster-search-multiple-owners`", StrayAsync)
        {
            Arguments = ["--cluster-search-multiple-owners"],
            Tool = "exit 1: S owns it; 1 key hidden",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("The same, with that option; run against T", StrayAsync)
        {
            Arguments = ["--cluster-search-multiple-owners"],
            Entry = scene => scene.Target,
            MayLose = true,
            Tool = "exit 1: T owns it; 1 key hidden",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("No owner, no keys; with `--cluster-yes`", scene => UnownAsync(scene))
        {
            Arguments = ["--cluster-yes"],
            AnyOwner = true,
            Tool = "exit 1: no owner; no key",
            Ours = "Repaired: a master owns it; no key",
        },
        new("No owner, no keys; confirmed with *yes*", scene => UnownAsync(scene))
        {
            Input = "yes\n",
            AnyOwner = true,
            Tool = "exit 0: a master owns it; no key",
            Ours = "Repaired: a master owns it; no key",
        },
        new("No owner, S holds the keys; confirmed with *yes*", async scene =>
        {
            await scene.WriteAsync(4);
            await UnownAsync(scene);
        })
        {
            Input = "yes\n",
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: S owns it; all keys correct",
        },
        new("No owner, S and T hold keys; confirmed with *yes*", StateOf("Unowned, two holders"))
        {
            Input = "yes\n",
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "refused, SlotStateUnsuitable: no owner; 12 keys hidden",
        },
        new("The same, with different values of one key", async scene =>
        {
            await WithCopyAsync(scene, FixCase.Rival);
            await scene.SetSlotAsync(scene.Source, "STABLE");
            await scene.SetSlotAsync(scene.Target, "STABLE");
            await UnownAsync(scene);
        })
        {
            Input = "yes\n",
            Tool = "exit 1: T owns it, S imports from T; T's value is read, 1 key on two nodes",
            Ours = "refused, SlotStateUnsuitable: no owner; 4 keys hidden, 1 key on two nodes",
        },
        new("The user has no right to SELECT", async scene =>
        {
            await scene.WedgeAsync(4, moved: 0);
            foreach (var node in scene.Cluster.Masters)
                await node.SendAsync("ACL", "SETUSER", "operator", "reset", "on", ">secret", "~*", "&*", "+@all", "-select");
        })
        {
            User = ("operator", "secret"),
            Tool = "exit 1: S owns it, S migrates to T, T imports from S; 4 keys on two nodes",
            Ours = "refused, PermissionDenied: S owns it, S migrates to T, T imports from S; all keys correct",
        },
        new("A value of 100 MB, MIGRATE timeout 20 ms", async scene =>
        {
            await scene.WedgeAsync(1, moved: 0);
            var value = new byte[100_000_000];
            new Random(1).NextBytes(value);
            System.Text.Encoding.UTF8.GetBytes(LabWedge.ValueOf(scene.Keys[0]) + new string('.', 100)).CopyTo(value, 0);
            await scene.Source.SendAsync("SET", scene.Keys[0], value);
        })
        {
            Arguments = ["--cluster-timeout", "20"],
            Move = new MoveOptions { Timeout = TimeSpan.FromMilliseconds(20) },
            MayNotArrive = true,
            Tool = "exit 1: S owns it, S migrates to T, T imports from S; 1 key on two nodes",
            Ours = "stopped, KeyMoveTimedOut: S owns it, S migrates to T, T imports from S; 1 key on two nodes",
        },
        new("X is down; 3 of 4 keys have moved from S to T", async scene =>
        {
            await scene.WedgeAsync(4, moved: 3);
            await KillAsync(scene, X(scene));
        })
        {
            Cluster = Lasting,
            Tool = "exit 1: S owns it, S migrates to T, T imports from S; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
            OursOnValkey = "refused, NodeUnreachable: S owns it, S migrates to T, T imports from S; all keys correct",
        },
        new("T is down", TargetDownAsync)
        {
            Cluster = WithEmptyTarget,
            AfterAsync = ReturnAsync,
            Tool = "exit 1: S owns it, S migrates to T, T imports from S; all keys correct",
            Ours = "refused, NodeUnreachable: S owns it, S migrates to T, T imports from S; all keys correct",
        },
        new(
            "T is down and ignored (`--cluster-fix-with-unreachable-masters`, `-AllowUnreachableNode`); "
            + "T returns, and the command is run again",
            TargetDownAsync)
        {
            Cluster = WithEmptyTarget,
            Arguments = ["--cluster-fix-with-unreachable-masters"],
            Repair = new RepairOptions { AllowUnreachableNode = true },
            AfterAsync = ReturnAsync,
            Twice = true,
            Tool = "exit 0, then exit 0: S owns it; all keys correct",
            Ours = "Repaired, then Repaired: S owns it; all keys correct",
        },
        new("T was demoted; its replica is now the master", scene => PromoteAsync(scene, scene.Target, dies: false))
        {
            Cluster = Lasting,
            Replicas = 3,
            Entry = X,
            Tool = "exit 0: S owns it; all keys correct",
            Ours = "Repaired: T's replica owns it; all keys correct",
        },
        new("S was demoted; its replica is now the master", scene => PromoteAsync(scene, scene.Source, dies: false))
        {
            Cluster = Lasting,
            Replicas = 3,
            Entry = X,
            Tool = "exit 0: S's replica owns it; all keys correct",
            Ours = "Repaired: T owns it; all keys correct",
        },
        new("T failed; its replica is now the master", scene => PromoteAsync(scene, scene.Target, dies: true))
        {
            Cluster = Lasting,
            Replicas = 3,
            Entry = X,
            Tool = "exit 1: S owns it, S migrates to T; 2 keys hidden",
            ToolOnValkey = "exit 1: S owns it, S migrates to T's replica, T's replica imports from S; all keys correct",
            Ours = "Repaired: T's replica owns it; all keys correct",
            OursOnValkey = "refused, NodeUnreachable: S owns it, S migrates to T's replica, T's replica imports from S; all keys correct",
        },
    ];
}
