using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Moves;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>What a cmdlet has the core do.</summary>
/// <param name="IsOpen">How the slot has to be before: open with some keys moved, or as it is.</param>
/// <param name="Begin">Reads, and makes the plan, or does all of a cmdlet that only reads. Throws what keeps it from being carried out; returns what is to be known before.</param>
internal sealed record CmdletWork(bool IsOpen, Func<RedisCluster, MovingSlot, Task<(IReadOnlyList<PlanFinding> Findings, Func<Task> End)>> Begin)
{
    private static readonly MoveOptions Options = new();

    public static IReadOnlyDictionary<string, CmdletWork> All { get; } = new Dictionary<string, CmdletWork>
    {
        ["Connect-RedisCluster"] = Reading(async (core, _) => Assert.Equal(3, (await core.GetInfoAsync(default)).KnownNodes)),
        ["Get-RedisClusterInfo"] = Reading(async (core, _) => Assert.Equal(3, (await core.GetInfoAsync(default)).ReachableNodes)),
        ["Get-RedisClusterNode"] = Reading(async (core, _) => Assert.All(await core.GetNodesAsync(default), node => Assert.Null(node.Trouble))),
        ["Get-RedisKeySlot"] = Reading(async (core, _) => Assert.NotNull(Assert.Single(await core.LocateKeysAsync(["k"], default)).Owner)),
        ["New-RedisRebalancePlan"] = Reading(async (core, _) => Assert.NotEmpty((await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, Options, default)).Moves), isOpen: false),
        ["Test-RedisCluster"] = Reading(async (core, _) => Assert.NotEmpty((await core.TestAsync(new HealthOptions(), default)).OpenSlots)),
        ["Get-RedisOpenSlot"] = Reading(async (core, slot) => Assert.Equal(2, Assert.Single(await core.GetOpenSlotsAsync([slot.Slot], default)).KeysOnTarget)),
        ["Get-RedisSlotKey"] = Reading(async (core, slot) => Assert.Equal(4, (await core.GetSlotKeysAsync(slot.Slot, null, null, default)).Count)),
        ["Start-RedisSlotMigration"] = OfSlot(false, (core, slot) => core.PlanStartAsync(slot.Slot, null, slot.Target.Id, Options, default)),
        ["Restart-RedisSlotMigration"] = OfHalfOpen((core, slot) => core.PlanRestartAsync(slot.Slot, null, Options, default)),
        ["Move-RedisSlotKey"] = new(true, async (core, slot) =>
        {
            var plan = await core.PlanKeyMoveAsync(slot.Slot, null, null, null, null, Options, default);
            return (plan.Findings, async () => Assert.Null((await core.MoveKeysAsync(plan, default)).Failure));
        }),
        ["Complete-RedisSlotMigration"] = OfSlot(true, (core, slot) => core.PlanCompletionAsync(slot.Slot, null, null, Options, default)),
        ["Undo-RedisSlotMigration"] = OfSlot(true, (core, slot) => core.PlanUndoAsync(slot.Slot, null, null, UndoStrategy.RoundTrip, false, Options, default)),
        ["Repair-RedisCluster"] = OfSlot(true, async (core, slot) => Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [slot.Slot] }, Options, default))),
        ["Move-RedisSlot"] = Moving((core, slot) => core.PlanMoveAsync(new SlotSelection { Slots = [slot.Slot], Target = slot.Target.Id }, Options, default)),
        ["Invoke-RedisRebalance"] = Moving((core, slot) => core.PlanRebalanceAsync(
            new RebalanceOptions { Threshold = 0, Weights = new Dictionary<string, double> { [slot.Source.Id] = 8092, [slot.Cluster.Node(1).Id] = 8092, [slot.Target.Id] = 200 }, UseEmptyMaster = true }, Options, default)),
    };

    private static CmdletWork Reading(Func<RedisCluster, MovingSlot, Task> read, bool isOpen = true) => new(isOpen, async (core, slot) =>
    {
        await read(core, slot);
        return ([], () => Task.CompletedTask);
    });

    private static CmdletWork OfSlot(bool isOpen, Func<RedisCluster, MovingSlot, Task<SlotPlan>> make) => new(isOpen, async (core, slot) =>
    {
        var plan = await make(core, slot);
        if (plan.Refusal is { } refusal)
            throw refusal;
        return (plan.Findings, async () => Assert.Null((await core.CarryOutAsync(plan, default)).Failure));
    });

    // A slot whose other end has to be opened, so that there is something to do.
    private static CmdletWork OfHalfOpen(Func<RedisCluster, MovingSlot, Task<SlotPlan>> make) => new(false, async (core, slot) =>
    {
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "IMPORTING", slot.Source.Id);
        return await OfSlot(false, make).Begin(core, slot);
    });

    private static CmdletWork Moving(Func<RedisCluster, MovingSlot, Task<RedisRebalancePlan>> make) => new(false, async (core, slot) =>
    {
        var plan = await core.CheckMovesAsync(await make(core, slot), Options, default);
        return (plan.Findings, async () => Assert.All(await MoveRuns.CarryOutAsync(core, plan, Options), outcome => Assert.Null(outcome.Failure)));
    });
}
