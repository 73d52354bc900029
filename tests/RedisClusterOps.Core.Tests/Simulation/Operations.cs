using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>An operation as a cmdlet runs it: with its own core, which plans it and carries out the plan.</summary>
/// <param name="starts">The states that it accepts.</param>
/// <param name="owner">The owner of the slot after success; null if it may be the source or the target.</param>
/// <param name="leavesOpen">True if a success leaves the slot open and consistent.</param>
internal sealed class Operation(
    string name,
    IReadOnlyList<Start> starts,
    Func<RedisCluster, Scene, MoveOptions, Task<SlotOutcome>> run,
    Func<Scene, int>? owner,
    bool leavesOpen = false)
{
    private static readonly Start[] Open =
    [
        Start.ImportingOnly, Start.MigratingOnly, Start.Migrating, Start.Drained, Start.FinishedOnTarget, Start.FinishedOnSource,
        Start.SourceFailedOver, Start.TargetFailedOver,
    ];

    public static Operation Complete { get; } = new(
        "Complete", Open, async (core, _, options) => await core.CarryOutAsync(
            await core.PlanCompletionAsync(SlotMap.Moving, null, null, options, default), default), Target);

    public static Operation UndoByRoundTrip { get; } = new(
        "Undo (RoundTrip)", Open, (core, scene, options) => UndoAsync(core, scene, options, UndoStrategy.RoundTrip), Source);

    public static Operation UndoByPullBack { get; } = new(
        "Undo (PullBack)", Open, (core, scene, options) => UndoAsync(core, scene, options, UndoStrategy.PullBack), Source)
    {
        HidesKeys = true,
    };

    public static Operation Restart { get; } = new(
        "Restart",
        [Start.ImportingOnly, Start.MigratingOnly, Start.Migrating, Start.Drained, Start.SourceFailedOver, Start.TargetFailedOver],
        async (core, _, options) => await core.CarryOutAsync(await core.PlanRestartAsync(SlotMap.Moving, null, options, default), default),
        Source,
        leavesOpen: true);

    public static Operation Begin { get; } = new(
        "Start",
        [Start.Stable, Start.ImportingOnly, Start.MigratingOnly, Start.Migrating],
        async (core, scene, options) =>
            await core.CarryOutAsync(
                await core.PlanStartAsync(SlotMap.Moving, null, scene.MasterOf(scene.Target).Id, options, default), default),
        Source,
        leavesOpen: true);

    public static Operation Repair { get; } = new(
        "Repair",
        [.. Open, Start.StrayKeys, Start.StrayKeysUnflagged, Start.SeveralImporters, Start.BothFlags, Start.Unowned, Start.UnownedWithKeys],
        (core, _, options) => RepairAsync(core, options, allowUnreachableNode: false),
        null)
    {
        Repairs = true,
    };

    /// <summary>Moves the whole slot as in a bulk move. Repeated, it does what a resume does.</summary>
    public static Operation Move { get; } = new("Move", [Start.Stable, .. Open], (core, scene, options) =>
        MoveAsync(core, options, scene.Source.Id, scene.Target.Id), Target);

    /// <summary>Repair with -AllowUnreachableNode. It is not proved, because it may lose the keys of the unreachable node.</summary>
    public static Operation RepairWithoutAbsent { get; } = new(
        "Repair -AllowUnreachableNode", Repair.Starts, (core, _, options) => RepairAsync(core, options, allowUnreachableNode: true), null);

    /// <summary>An undo as it must not be: the slot goes to a master that never had it.</summary>
    public static Operation UndoToAnother { get; } = new("Undo to another master", Open, async (core, scene, options) =>
    {
        await core.CarryOutAsync(await core.PlanCompletionAsync(SlotMap.Moving, null, null, options, default), default);
        return await MoveAsync(core, options, scene.Target.Id, scene.Cluster.Nodes[2].Id);
    }, Source);

    /// <summary>A bulk move as it must not be: whatever ends it, its slots count as moved.</summary>
    public static Operation MoveWithoutEnd { get; } = new("Move without an end", Move.Starts, async (core, scene, options) =>
    {
        var moved = new RedisSlotMigrationResult { Slot = SlotMap.Moving, Outcome = MigrationOutcome.Moved };
        try
        {
            var outcome = await MoveAsync(core, options, scene.Source.Id, scene.Target.Id);
            return outcome.Failure is null ? outcome : new SlotOutcome(moved, null);
        }
        catch (RedisOperationException)
        {
            return new SlotOutcome(moved, null);
        }
    }, Target);

    public static Operation[] All { get; } = [Complete, UndoByRoundTrip, UndoByPullBack, Restart, Begin, Repair, Move];

    /// <summary>The same operations as a cmdlet runs them for many slots: the plans that go together are carried out together.</summary>
    public static Operation[] Together { get; } =
    [
        new("Complete, together", Open, async (core, _, options) => await TogetherAsync(
            core, await core.PlanCompletionsAsync([(SlotMap.Moving, null, null)], options, default)), Target),
        new("Undo (RoundTrip), together", Open, (core, scene, options) =>
            UndoTogetherAsync(core, scene, options, UndoStrategy.RoundTrip), Source),
        new("Undo (PullBack), together", Open, (core, scene, options) =>
            UndoTogetherAsync(core, scene, options, UndoStrategy.PullBack), Source) { HidesKeys = true },
        new("Repair, together", Repair.Starts, async (core, _, options) => await TogetherAsync(
            core, await core.PlanRepairAsync(new RepairOptions { Slots = [SlotMap.Moving] }, options, default)), null) { Repairs = true },
    ];

    public string Name => name;

    public IReadOnlyList<Start> Starts => starts;

    /// <summary>True if clients may miss keys during the operation, so that the simulation suspends them.</summary>
    public bool HidesKeys { get; private init; }

    /// <summary>True for a repair, which may choose the owner.</summary>
    public bool Repairs { get; private init; }

    public static Operation Named(string name) => All.Concat(Together).Single(operation => operation.Name == name);

    /// <summary>Checks the state after a success. The cluster has to be settled.</summary>
    public void RequireDone(Scene scene)
    {
        if (leavesOpen)
            Invariants.RequireOpen(scene);
        else
            Invariants.RequireDone(scene.Cluster, owner?.Invoke(scene) ?? Invariants.OwnerMap(scene.Cluster)[SlotMap.MovingPart]);
    }

    /// <summary>True if the slot is closed and has the expected owner.</summary>
    public bool IsDone(Scene scene) => !leavesOpen && !scene.IsOpen
        && owner is not null && Invariants.OwnerMap(scene.Cluster)[SlotMap.MovingPart] == owner(scene);

    /// <summary>The result of work on a simulated cluster, which passes its own time.</summary>
    public static T ResultOf<T>(Task<T> task)
    {
        // Only the files of the journal and of overwritten values take real time.
        if (!task.IsCompleted && !((IAsyncResult)task).AsyncWaitHandle.WaitOne(TimeSpan.FromMinutes(2)))
            throw new InvalidOperationException("The work did not end: something in the core waits for real time.");
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Runs the operation to its end in simulated time.</summary>
    public Attempt Run(Scene scene, INodeConnector? through = null, MoveOptions? options = null)
    {
        using var core = new RedisCluster(scene.Session, through ?? scene.Cluster, null) { KeepsJournal = false, LooksAhead = false };
        var before = scene.Cluster.Writes;
        if (HidesKeys)
            scene.Traffic.Suspend();
        try
        {
            scene.Cluster.Note("--- " + name);
            var outcome = ResultOf(run(core, scene, options ?? new MoveOptions { BatchSize = 3 }));
            return new Attempt(outcome.Result.Outcome, outcome.Failure, false, scene.Cluster.Writes - before);
        }
        catch (ProcessDiedException)
        {
            return new Attempt(MigrationOutcome.Failed, null, true, scene.Cluster.Writes - before);
        }
        catch (RedisOperationException failure)
        {
            return new Attempt(MigrationOutcome.Failed, failure, false, scene.Cluster.Writes - before);
        }
        finally
        {
            scene.Cluster.Note("--- " + name + " ends");
        }
    }

    public override string ToString() => name;

    private static int Target(Scene scene) => scene.MasterOf(scene.Target).Index;

    private static int Source(Scene scene) => scene.MasterOf(scene.Source).Index;

    // Source and target are named, as without a journal: the flags alone do not show the direction of an interrupted undo. A replica is
    // refused as a target, and the error names its master.
    private static async Task<SlotOutcome> UndoAsync(RedisCluster core, Scene scene, MoveOptions options, UndoStrategy strategy) =>
        await core.CarryOutAsync(
        await core.PlanUndoAsync(
            SlotMap.Moving, scene.Source.Id, scene.MasterOf(scene.Target).Id, strategy, false, options, default), default);

    private static async Task<SlotOutcome> UndoTogetherAsync(RedisCluster core, Scene scene, MoveOptions options, UndoStrategy strategy) =>
        await TogetherAsync(core, await core.PlanUndosAsync(
            [(SlotMap.Moving, scene.Source.Id, scene.MasterOf(scene.Target).Id)], strategy, false, options, default));

    private static async Task<SlotOutcome> TogetherAsync(RedisCluster core, IReadOnlyList<SlotPlan> plans)
    {
        var last = new SlotOutcome(new RedisSlotMigrationResult { Outcome = MigrationOutcome.Skipped }, null);
        foreach (var plan in plans)
        {
            if (!RedisCluster.GoesTogether(plan))
            {
                last = await core.CarryOutAsync(plan, default);
                continue;
            }

            var run = await core.RunTogetherAsync([plan], default);
            while (await run.NextAsync() is { } outcomes)
                last = outcomes[^1];
        }

        return last;
    }

    private static async Task<SlotOutcome> MoveAsync(RedisCluster core, MoveOptions options, string sourceId, string targetId)
    {
        options = options with { Method = MoveMethod.KeyByKey };
        (int, string, string)[] moves = [(SlotMap.Moving, sourceId, targetId)];
        var plan = await core.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
        var run = await core.RunMovesAsync(plan, plan.Moves, options, default);
        // A slot that can't go back to its former owner has its outcome before the run.
        var last = RedisCluster.SettledBy(plan) is { Count: > 0 } settled ? settled[^1] : null;
        while (await run.NextAsync() is { } outcomes)
            last = outcomes[^1];
        return last!;
    }

    private static async Task<SlotOutcome> RepairAsync(RedisCluster core, MoveOptions options, bool allowUnreachableNode)
    {
        var outcome = new SlotOutcome(new RedisSlotMigrationResult { Outcome = MigrationOutcome.Skipped }, null);
        var repair = new RepairOptions { Slots = [SlotMap.Moving], AllowUnreachableNode = allowUnreachableNode };
        foreach (var plan in await core.PlanRepairAsync(repair, options, default))
        {
            var next = await core.CarryOutAsync(plan, default);
            outcome = outcome.Failure is null ? next : outcome;
        }

        return outcome;
    }
}

/// <summary>The result of one run of an operation.</summary>
/// <param name="Died">True if our process died during the run.</param>
/// <param name="Writes">The number of commands that write.</param>
internal sealed record Attempt(MigrationOutcome Outcome, RedisOperationException? Failure, bool Died, int Writes)
{
    public bool Succeeded => !Died && Outcome is not MigrationOutcome.Failed;

    public override string ToString() =>
        Died ? "died" : Outcome + (Failure is null ? string.Empty : " (" + Failure.Code + ": " + Failure.Message + ")");
}
