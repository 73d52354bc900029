using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;

namespace RedisClusterOps.FrameworkHarness;

/// <summary>
/// Reads, diagnoses, completes, undoes and rebalances a real cluster with the Core that ships, on the .NET Framework profile. One line
/// per step; the exit status is 0 only if every step had the expected result. Mono runs it here. Mono is not .NET Framework, and this is
/// not PowerShell.
/// </summary>
internal static class Program
{
    private static readonly Stopwatch Clock = Stopwatch.StartNew();

    private static async Task<int> Main(string[] words)
    {
        try
        {
            var arguments = new Arguments(words);
            await RunAsync(arguments, arguments.Session(), new MoveOptions { JournalPath = arguments.Journal });
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            return 1;
        }
    }

    private static async Task RunAsync(Arguments arguments, RedisClusterSession session, MoveOptions options)
    {
        Say("runtime", Type.GetType("Mono.Runtime") is null ? ".NET Framework " + Environment.Version : "Mono, CLR " + Environment.Version);
        using (var core = new RedisCluster(session))
        {
            var info = await core.GetInfoAsync(default);
            Say(
                "read",
                string.Join(",", info.Engines) + " " + string.Join(",", info.Versions) + ", " + info.ReachableNodes + " nodes, TLS "
                    + session.UseTls);
            Require(info.KnownNodes == info.ReachableNodes && info.SlotsOk == 16384, "every node is reachable and every slot is served");

            var health = await core.TestAsync(new HealthOptions { Deep = true }, default);
            Say("diagnose", string.Join("; ", health.Findings));
            Require(!health.Healthy, "open slots make a cluster unhealthy");
            Require(
                health.OpenSlots.Select(open => open.Slot)
                    .SequenceEqual(new[] { arguments.Complete, arguments.Undo }.OrderBy(slot => slot)),
                "only the two wedged slots are open");
        }

        await SettleAsync(
            session,
            arguments.Complete,
            MigrationOutcome.Completed,
            open => open.TargetId!,
            core => core.PlanCompletionAsync(arguments.Complete, null, null, options, default));
        await SettleAsync(
            session,
            arguments.Undo,
            MigrationOutcome.RolledBack,
            open => open.SourceId!,
            core => core.PlanUndoAsync(arguments.Undo, null, null, UndoStrategy.RoundTrip, false, options, default));
        await RequireHealthyAsync(session);

        var before = await SharesAsync(session);
        var wanted = new RebalanceOptions { UseEmptyMaster = true };
        var run = await MoveAsync(session, core => core.PlanRebalanceAsync(wanted, options, default), MigrationOutcome.Moved, options);
        using (var core = new RedisCluster(session))
            Require((await core.PlanRebalanceAsync(wanted, options, default)).Moves.Count == 0, "a second plan finds nothing to move");
        Require(!before.SequenceEqual(await SharesAsync(session)), "the owners have changed");
        await RequireHealthyAsync(session);

        await MoveAsync(
            session, async core => (await core.PlanUndoOfMovesAsync(run, options, default))!, MigrationOutcome.RolledBack, options);
        Require(before.SequenceEqual(await SharesAsync(session)), "every master has the slots that it had before");
        await RequireHealthyAsync(session);
    }

    private static async Task SettleAsync(
        RedisClusterSession session,
        int slot,
        MigrationOutcome wanted,
        Func<RedisOpenSlot,
        string> owner,
        Func<RedisCluster,
        Task<SlotPlan>> plan)
    {
        using var core = new RedisCluster(session);
        var open = (await core.GetOpenSlotsAsync([slot], default)).Single();
        var keys = (await KeysAsync(core, slot, open.SourceId!)).Union(await KeysAsync(core, slot, open.TargetId!)).ToList();
        var outcome = await core.CarryOutAsync(await plan(core), default);
        if (outcome.Failure is not null)
            throw outcome.Failure;
        var owned = await KeysAsync(core, slot, owner(open));
        Say(
            outcome.Result.Operation,
            outcome.Result + ", was " + open.State + ", " + outcome.Result.KeysMoved + " keys moved, " + owned.Count + " of " + keys.Count
                + " on the owner");
        Require(outcome.Result.Outcome == wanted, "the outcome is " + wanted);
        Require(keys.Count > 0 && owned.Count == keys.Count && !keys.Except(owned).Any(), "the owner has every key");
        Require((await core.GetOpenSlotsAsync([slot], default)).Count == 0, "the slot is closed");
    }

    private static async Task<string> MoveAsync(
        RedisClusterSession session, Func<RedisCluster, Task<RedisRebalancePlan>> plan, MigrationOutcome wanted, MoveOptions options)
    {
        var outcomes = new List<SlotOutcome>();
        using (var core = new RedisCluster(session))
        {
            var moves = await core.CheckMovesAsync(await plan(core), options, default);
            var run = await core.RunMovesAsync(moves, moves.Moves, options, default);
            while (await run.NextAsync() is { } some)
                outcomes.AddRange(some);
            if (outcomes.FirstOrDefault(outcome => outcome.Failure is not null) is { } failed)
                throw failed.Failure!;
            Say(
                moves.Operation,
                outcomes.Count + " slots " + wanted + ", " + outcomes.Sum(outcome => outcome.Result.KeysMoved) + " keys moved");
            Require(
                moves.SlotCount > 0 && outcomes.Count == moves.SlotCount && outcomes.All(outcome => outcome.Result.Outcome == wanted),
                "every slot is " + wanted);
        }

        // Closing the cluster ends the run in the journal.
        var journal = RedisCluster.GetMigrations(options.JournalPath, outcomes[0].Result.MigrationId).Single();
        Say("journal", journal.ToString());
        Require(journal.State == MigrationState.Completed && journal.SlotsDone == outcomes.Count, "the journal has every slot as done");
        return journal.Id;
    }

    private static async Task RequireHealthyAsync(RedisClusterSession session)
    {
        using var core = new RedisCluster(session);
        var health = await core.TestAsync(new HealthOptions { Deep = true }, default);
        Say("check", (health.Healthy ? "healthy" : "unhealthy") + string.Concat(health.Findings.Select(finding => "; " + finding)));
        Require(health.Healthy && health.OpenSlots.Count == 0, "the cluster is healthy");
    }

    private static async Task<IReadOnlyList<string>> SharesAsync(RedisClusterSession session)
    {
        using var core = new RedisCluster(session);
        return (await core.GetNodesAsync(default)).Select(node => node.Id + " " + node.Role + " " + string.Join(",", node.SlotRanges))
            .OrderBy(line => line, StringComparer.Ordinal).ToList();
    }

    private static async Task<IReadOnlyList<string>> KeysAsync(RedisCluster core, int slot, string node) =>
        (await core.GetSlotKeysAsync(slot, node, null, default)).Select(key => key.Name).ToList();

    private static void Require(bool isTrue, string what)
    {
        if (!isTrue)
            throw new InvalidOperationException("Expected: " + what + ".");
    }

    private static void Say(string step, string text) => Console.WriteLine("{0,6} ms  {1}: {2}", Clock.ElapsedMilliseconds, step, text);
}
