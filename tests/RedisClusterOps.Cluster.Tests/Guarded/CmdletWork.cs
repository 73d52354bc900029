using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Crashes;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Moves;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>The work of a cmdlet in the core.</summary>
/// <param name="IsOpen">True if the slot has to be open with some keys moved before.</param>
/// <param name="Begin">
/// Reads and plans, or does all the work of a cmdlet that only reads. Throws the reason if the plan cannot be carried out; returns the
/// findings and the rest of the work.
/// </param>
internal sealed record CmdletWork(
    bool IsOpen, Func<RedisCluster, MovingSlot, Task<(IReadOnlyList<PlanFinding> Findings, Func<Task> End)>> Begin)
{
    private static readonly MoveOptions Options = new();

    private static readonly string[] Atomic84 = [Tests.Servers.Redis86];
    private static readonly string[] Atomic90 = [Tests.Servers.Valkey91];

    /// <summary>The servers that support it.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [Tests.Servers.Redis70, Tests.Servers.Redis86, Tests.Servers.Valkey91];

    /// <summary>The nodes that the cmdlet connects to first; null for the first master.</summary>
    public Func<TestCluster, IReadOnlyList<NodeEndpoint>>? Seeds { get; init; }

    public static IReadOnlyDictionary<string, CmdletWork> All { get; } = new Dictionary<string, CmdletWork>(NodeWork.All)
    {
        ["Connect-RedisCluster"] = Reading(async (core, _) => Assert.InRange((await core.GetInfoAsync(default)).KnownNodes, 3, 5)),
        ["Get-RedisClusterInfo"] = Reading(async (core, _) => Assert.InRange((await core.GetInfoAsync(default)).ReachableNodes, 3, 5)),
        ["Get-RedisClusterNode"] = Reading(
            async (core, _) => Assert.All(await core.GetNodesAsync(default), node => Assert.Null(node.Trouble))),
        ["Get-RedisKeySlot"] = Reading(async (core, _) => Assert.NotNull(Assert.Single(await core.LocateKeysAsync(["k"], default)).Owner)),
        ["Invoke-RedisClusterCommand"] = Reading(async (core, _) =>
        {
            var command = await core.PlanCommandAsync(["CLUSTER", "NODES"], null, null, default);
            Assert.All(await core.SendCommandAsync(command, command.Nodes, default), reply => Assert.Null(reply.Error));
        }),
        ["New-RedisRebalancePlan"] = Reading(
            async (core, _) =>
            {
                var aim = new RebalanceOptions { UseEmptyMaster = true };
                Assert.NotEmpty((await core.PlanRebalanceAsync(aim, Options, default)).Moves);
            },
            isOpen: false),
        ["Get-RedisClusterHealth"] = Check(),
        ["Test-RedisCluster"] = Check(),
        ["Get-RedisOpenSlot"] = Reading(async (core, slot) =>
            Assert.Equal(2, Assert.Single(await core.GetOpenSlotsAsync([slot.Slot], default)).KeysOnTarget)),
        ["Get-RedisClusterAlert"] = Reading(async (core, _) =>
        {
            var options = new AlertOptions
            {
                StuckAfter = TimeSpan.FromMilliseconds(1),
                StatePath = Path.Combine(JournalOfTests.NewFolder(), "seen.json"),
                JournalPath = JournalOfTests.NewFolder(),
            };
            await core.GetAlertsAsync(options, default);
            await Task.Delay(5);
            Assert.Contains((await core.GetAlertsAsync(options, default)).Alerts, alert => alert.Code == AlertCode.SlotStuck);
        }),
        ["Measure-RedisClusterLink"] = Reading(async (core, _) =>
        {
            var links = await core.MeasureLinksAsync(1, null, default);
            Assert.All(links.Where(link => link.SourceId is null), link => Assert.Equal(1, link.Received));
        }),
        ["Get-RedisSlotLoad   # Redis 8.2, Valkey 8.0 and later"] = Reading(async (core, _) =>
            Assert.NotEmpty(await core.GetSlotLoadsAsync(SlotLoadMeasure.Keys, 5, null, null, null, default))) with
        {
            Servers = [Tests.Servers.Redis86, Tests.Servers.Valkey91],
        },
        ["Measure-RedisClusterTraffic"] = Reading(async (core, _) =>
        {
            var traffic = await core.MeasureTrafficAsync(TimeSpan.FromMilliseconds(10), null, default);
            Assert.All(traffic, node => Assert.NotNull(node.OperationsPerSecond));
        }),
        ["Show-RedisSlotMap"] = Reading(async (core, _) =>
            Assert.NotEmpty((await core.GetSlotMapAsync(new ScreenTraits(80, false, false), default)).Masters)),
        ["Export-RedisClusterReport"] = Reading(async (core, _) =>
            Assert.NotEmpty((await core.GetReportAsync(new HealthOptions(), new AlertOptions(), default)).Health.OpenSlots)),
        ["Get-RedisSlotKey"] = Reading(async (core, slot) =>
            Assert.Equal(4, (await core.GetSlotKeysAsync(slot.Slot, null, null, default)).Count)),
        ["Get-RedisKeyConflict"] = new(true, async (core, slot) =>
        {
            await slot.OnTargetAsync("SET", slot.Key("k0"), "another");
            Assert.False(Assert.Single(await core.GetKeyConflictsAsync(slot.Slot, default)).IsEqual);
            return ([], () => slot.OnTargetAsync("DEL", slot.Key("k0")));
        }),
        ["Start-RedisSlotMigration"] = OfSlot(
            false, (core, slot) => core.PlanStartAsync(slot.Slot, null, slot.Target.Id, Options, default)),
        ["Restart-RedisSlotMigration"] = OfHalfOpen((core, slot) => core.PlanRestartAsync(slot.Slot, null, Options, default)),
        ["Move-RedisSlotKey"] = new(true, async (core, slot) =>
        {
            var plan = await core.PlanKeyMoveAsync(slot.Slot, null, null, null, null, Options, default);
            return (plan.Findings, async () => Assert.Null((await core.MoveKeysAsync(plan, default)).Failure));
        }),
        ["Complete-RedisSlotMigration"] = OfSlot(true, (core, slot) =>
            core.PlanCompletionAsync(slot.Slot, null, null, Options, default)),
        ["Undo-RedisSlotMigration"] = OfSlot(true, (core, slot) =>
            core.PlanUndoAsync(slot.Slot, null, null, UndoStrategy.RoundTrip, false, Options, default)),
        ["Repair-RedisCluster"] = OfSlot(true, PlanRepairAsync),
        ["Complete-RedisSlotMigration -OnKeyConflict KeepInUse"] = OfConflict(KeyConflictAction.KeepInUse),
        ["Complete-RedisSlotMigration -OnKeyConflict KeepOther"] = OfConflict(KeyConflictAction.KeepOther),
        ["Resume-RedisMigration"] = new(true, ResumeAsync),
        ["Repair-RedisCluster   # a slot without an owner"] = new(false, async (core, slot) =>
        {
            foreach (var key in Enumerable.Range(0, 6))
                await slot.Source.AskAsync("DEL", slot.Key("k" + key));
            foreach (var node in slot.Cluster.Nodes)
                await node.AskAsync("CLUSTER", "DELSLOTS", slot.Slot);
            return await OfSlot(false, PlanRepairAsync).Begin(core, slot);
        }),
        ["Move-RedisSlot -Method Atomic   # Redis 8.4 and later"] = MovingItself(Atomic84),
        ["Move-RedisSlot -Method Atomic   # Valkey 9.0 and later"] = MovingItself(Atomic90),
        ["Move-RedisSlot"] = Moving((core, slot) =>
            core.PlanMoveAsync(new SlotSelection { Slots = [slot.Slot], Target = slot.Target.Id }, Options, default)),
        ["Invoke-RedisRebalance"] = Moving((core, slot) =>
        {
            var weights = new Dictionary<string, double>
            {
                [slot.Source.Id] = 8092,
                [slot.Cluster.Node(1).Id] = 8092,
                [slot.Target.Id] = 200,
            };
            var aim = new RebalanceOptions { Threshold = 0, Weights = weights, UseEmptyMaster = true };
            return core.PlanRebalanceAsync(aim, Options, default);
        }),
    };

    private static async Task<SlotPlan> PlanRepairAsync(RedisCluster core, MovingSlot slot) =>
        Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [slot.Slot] }, Options, default));

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

    // One key has different values on both nodes.
    private static CmdletWork Check() =>
        Reading(async (core, _) => Assert.NotEmpty((await core.TestAsync(new HealthOptions(), default)).OpenSlots));

    private static CmdletWork OfConflict(KeyConflictAction action) => new(true, async (core, slot) =>
    {
        await slot.OnTargetAsync("SET", slot.Key("k0"), "another");
        var options = Options with { OnKeyConflict = action, JournalPath = JournalOfTests.Folder };
        return await OfSlot(true, (core, slot) => core.PlanCompletionAsync(slot.Slot, null, null, options, default)).Begin(core, slot);
    });

    // A user with all permissions started the run, which was killed at the first key.
    private static async Task<(IReadOnlyList<PlanFinding> Findings, Func<Task> End)> ResumeAsync(RedisCluster core, MovingSlot slot)
    {
        var options = Options with { JournalPath = JournalOfTests.NewFolder() };
        using (var begun = new RedisCluster(slot.Session, new HookedConnector(new NodeConnector(slot.Session.Options), Die), null))
        {
            var plan = await begun.PlanCompletionAsync(slot.Slot, null, null, options, default);
            await Assert.ThrowsAsync<ProcessDiedException>(() => begun.CarryOutAsync(plan, default));
        }

        return await OfSlot(true, async (core, _) => Assert.Single(await core.PlanResumeAsync(null, options, default))).Begin(core, slot);

        static Task Die(NodeEndpoint node, IReadOnlyList<RespCommand> commands) =>
            commands[0].ToString().StartsWith("MIGRATE ", StringComparison.Ordinal) ? throw new ProcessDiedException() : Task.CompletedTask;
    }

    private static CmdletWork MovingItself(string[] servers) => Moving(
        (core, slot) => core.PlanMoveAsync(
            new SlotSelection { Slots = [slot.Slot], Target = slot.Target.Id }, Options with { Method = MoveMethod.Atomic }, default),
        Options with { Method = MoveMethod.Atomic }) with
    { Servers = servers };

    // Only the target is open, so that the source has to be opened.
    private static CmdletWork OfHalfOpen(Func<RedisCluster, MovingSlot, Task<SlotPlan>> make) => new(false, async (core, slot) =>
    {
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", slot.Slot, "IMPORTING", slot.Source.Id);
        return await OfSlot(false, make).Begin(core, slot);
    });

    private static CmdletWork Moving(Func<RedisCluster, MovingSlot, Task<RedisRebalancePlan>> make, MoveOptions? options = null) =>
        new(false, async (core, slot) =>
    {
        var plan = await core.CheckMovesAsync(await make(core, slot), options ?? Options, default);
        return (
            plan.Findings,
            async () => Assert.All(await MoveRuns.CarryOutAsync(core, plan, options ?? Options), outcome => Assert.Null(outcome.Failure)));
    });
}
