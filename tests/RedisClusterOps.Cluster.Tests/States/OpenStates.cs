using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests.States;

/// <summary>Every state that can be created without a failover. S is the source, T the target, X another master.</summary>
internal static class OpenStates
{
    public const int Keys = 12;
    public const int Moved = 5;

    public static IReadOnlyList<OpenState> All { get; } =
    [
        new("Stable", "S owns it, no flag", scene => scene.WriteAsync(Keys)),
        new("ImportingOnly", "T imports, S has no flag, no key has moved (half-opened on the target)", async scene =>
        {
            await scene.WriteAsync(Keys);
            await scene.SetSlotAsync(scene.Target, "IMPORTING", scene.Source);
        }),
        new("MigratingOnly", "S migrates, T has no flag, no key has moved (half-opened on the source)", async scene =>
        {
            await scene.WriteAsync(Keys);
            await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
        }),
        new("MigratingOnly, keys moved", "S migrates, T lost its flag, keys are on both", async scene =>
        {
            await scene.WedgeAsync(Keys, Moved);
            await scene.SetSlotAsync(scene.Target, "STABLE");
        }),
        new("Migrating, nothing moved", "both flags, all keys on S", scene => scene.WedgeAsync(Keys, 0)),
        new("Migrating", "both flags, keys on both", scene => scene.WedgeAsync(Keys, Moved)),
        new("Drained", "both flags, all keys on T", scene => scene.WedgeAsync(Keys, Keys)),
        new("Drained, no key", "both flags, no key at all", scene => scene.OpenAsync()),
        new("FinishedOnTarget", "T owns it, S still migrates (half-finished on the target)", async scene =>
        {
            await scene.WedgeAsync(Keys, Keys);
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
            while ((await TestCluster.OwnLineOfAsync(scene.Source)).Slots.Contains(scene.Slot))
                await Task.Delay(10);
        })
        {
            // On these servers the source clears its flag when it learns that it lost the slot.
            NotOn = [Servers.Valkey91, Servers.Garnet],
        },
        new("FinishedOnTarget, not heard", "T owns it, S still claims it because gossip has not arrived", async scene =>
        {
            await scene.WedgeAsync(Keys, Keys);
            await SlotScene.DropBusPacketsAsync(scene.Source, true);
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
        })
        {
            NotOn = [Servers.Redis86, Servers.Garnet],
            Deaf = scene => [scene.Source],
        },
        new("FinishedOnSource", "S handed it over to T, T still imports (half-finished on the source)", async scene =>
        {
            await scene.WedgeAsync(Keys, Keys);
            await SlotScene.DropBusPacketsAsync(scene.Target, true);
            await scene.SetSlotAsync(scene.Source, "NODE", scene.Target);
        })
        {
            NotOn = [Servers.Garnet],
            Deaf = scene => [scene.Target],
            RestoreAsync = scene => scene.SetSlotAsync(scene.Target, "NODE", scene.Target),
        },
        new("StrayKeys", "T imports and holds keys, S has no flag", async scene =>
        {
            await scene.WedgeAsync(Keys, Moved);
            await scene.SetSlotAsync(scene.Source, "STABLE");
        }),
        new("StrayKeys, no flag", "no flag, T holds keys of S's slot", async scene =>
        {
            await scene.WedgeAsync(Keys, Moved);
            await scene.SetSlotAsync(scene.Source, "STABLE");
            await scene.SetSlotAsync(scene.Target, "STABLE");
        }),
        new("ClaimedWithoutEpoch", "S and T both claim it, S holds the keys", async scene =>
        {
            await scene.WriteAsync(Keys);
            await SlotScene.DropBusPacketsAsync(scene.Source, true);
            await SlotScene.DropBusPacketsAsync(scene.Target, true);
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
        })
        {
            // Redis does not drop all cluster bus packets, and resolves the conflict itself.
            NotOn = [Servers.Redis70, Servers.Redis86, Servers.Garnet],
            Deaf = scene => [scene.Source, scene.Target],
            RestoreAsync = scene => scene.Target.AskAsync("CLUSTER", "SETSLOT", scene.Slot, "NODE", scene.Source.Id),
        },
        new("Unowned, no key", "no owner, no keys", UnownAsync) { RestoreAsync = OwnAsync },
        new("Unowned, one holder", "no owner, S holds the keys", async scene =>
        {
            await scene.WriteAsync(Keys);
            await UnownAsync(scene);
        })
        {
            // It hides the keys of a slot that its owner drops, so a repair has to write before it can count them: see
            // Repair/CoverageTests.
            NotOn = [Servers.Redis86],
            RestoreAsync = OwnAsync,
        },
        new("Unowned, two holders", "no owner, S and T hold keys", async scene =>
        {
            await scene.WedgeAsync(Keys, Moved);
            await scene.SetSlotAsync(scene.Source, "STABLE");
            await scene.SetSlotAsync(scene.Target, "STABLE");
            await UnownAsync(scene);
        })
        {
            NotOn = [Servers.Redis86],
            RestoreAsync = OwnAsync,
        },
        new("Tangled, two importers", "both flags, and X imports it as well", async scene =>
        {
            await scene.WedgeAsync(Keys, Moved);
            await scene.SetSlotAsync(Other(scene), "IMPORTING", scene.Source);
        })
        {
            RestoreAsync = scene => scene.SetSlotAsync(Other(scene), "STABLE"),
        },
        new("Tangled, other importer", "S migrates to T, X imports it", async scene =>
        {
            await scene.WriteAsync(Keys);
            await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Target);
            await scene.SetSlotAsync(Other(scene), "IMPORTING", scene.Source);
        })
        {
            RestoreAsync = scene => scene.SetSlotAsync(Other(scene), "STABLE"),
        },
        new("Tangled, to itself", "S migrates to itself", async scene =>
        {
            await scene.WriteAsync(Keys);
            await scene.SetSlotAsync(scene.Source, "MIGRATING", scene.Source);
        })
        {
            NotOn = [Servers.Valkey91, Servers.Garnet],
            RestoreAsync = scene => scene.SetSlotAsync(scene.Source, "STABLE"),
        },
        new("Tangled, from a third", "T imports it from X, which does not own it", async scene =>
        {
            await scene.WriteAsync(Keys);
            await scene.SetSlotAsync(scene.Target, "IMPORTING", Other(scene));
        })
        {
            RestoreAsync = scene => scene.SetSlotAsync(scene.Target, "STABLE"),
        },
        new("Tangled, both flags on one", "T owns it, S migrates to T and imports from it", async scene =>
        {
            await scene.WedgeAsync(Keys, Keys);
            await scene.SetSlotAsync(scene.Target, "NODE", scene.Target);
            while ((await TestCluster.OwnLineOfAsync(scene.Source)).Slots.Contains(scene.Slot))
                await Task.Delay(10);
            await scene.SetSlotAsync(scene.Source, "IMPORTING", scene.Target);
        })
        {
            NotOn = [Servers.Valkey91, Servers.Garnet],
            RestoreAsync = scene => scene.SetSlotAsync(scene.Source, "STABLE"),
        },
    ];

    public static OpenState Get(string name) => All.Single(state => state.Name == name);

    private static LocalNode Other(SlotScene scene) => scene.Cluster.Node(0);

    private static async Task UnownAsync(SlotScene scene)
    {
        foreach (var master in scene.Cluster.Masters)
            await master.AskAsync("CLUSTER", "DELSLOTS", scene.Slot);
    }

    private static async Task OwnAsync(SlotScene scene)
    {
        await scene.Source.AskAsync("CLUSTER", "ADDSLOTS", scene.Slot);
        foreach (var master in scene.Cluster.Masters)
            await scene.SetSlotAsync(master, "NODE", scene.Source);
    }
}

/// <summary>A state that a slot can be left in, and how to create it by hand on real servers.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Signs">The flags and the nodes that hold keys, as text.</param>
/// <param name="MakeAsync">Brings a fresh slot into this state.</param>
internal sealed record OpenState(string Name, string Signs, Func<SlotScene, Task> MakeAsync)
{
    /// <summary>Servers on which the state cannot be created, or does not last as long as a test needs.</summary>
    public IReadOnlyList<string> NotOn { get; init; } = [];

    /// <summary>Nodes that drop cluster bus packets while the slot is in this state.</summary>
    public Func<SlotScene, IReadOnlyList<LocalNode>> Deaf { get; init; } = _ => [];

    /// <summary>Repairs by hand what a refusal leaves, so that the next test starts with a healthy cluster.</summary>
    public Func<SlotScene, Task> RestoreAsync { get; init; } = _ => Task.CompletedTask;
}
