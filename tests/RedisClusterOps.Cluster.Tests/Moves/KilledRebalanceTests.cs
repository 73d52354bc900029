using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// A process is killed with SIGKILL at random moments of a rebalance. Then the run is resumed or undone, or the journal is lost and the
/// rebalance runs again. Every slot ends where it belongs, no slot stays open, and no key is missing.
/// </summary>
public sealed class KilledRebalanceTests
{
    private const int Keys = 20_000;

    // At this rate the moves take half a second, so a kill can hit any part of them.
    private const int SlowKeysPerSecond = 10_000;

    // Without the journal, each slot that was left open is repaired individually, which takes long.
    private static readonly int Ways = KillCase.IsFullProof ? 3 : 2;

    private enum Recovery
    {
        Resume,
        Undo,
        RebalanceWithoutJournal,
    }

    public static TheoryData<string, MoveMethod, Host> Kills
    {
        get
        {
            var cases = new TheoryData<string, MoveMethod, Host>();
            foreach (var (server, method) in MoveMethods.All.Select(row => row.Data))
            {
                // In the short proof, KeyByKey is killed on Redis 7.0 and in PowerShell on Valkey.
                if (KillCase.IsFullProof || method == MoveMethod.Atomic || server == Servers.Redis70)
                    cases.Add(server, method, Host.Driver);
                if (KillCase.IsFullProof || (server, method) == (Servers.Valkey91, MoveMethod.KeyByKey))
                    cases.Add(server, method, Host.PowerShell);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Kills))]
    public async Task A_run_that_is_killed_at_any_moment_is_resumed_or_undone_without_loss(string server, MoveMethod method, Host host)
    {
        var output = TestContext.Current.TestOutputHelper!;
        var random = TestSeed.NewRandom();
        await using var scene = await MoveScene.StartAsync(server, Keys, method);
        if (method == MoveMethod.Atomic)
            await scene.SlowServersDownAsync(microsecondsPerKey: 300);
        var usual = await UndisturbedAsync(scene, host);
        var (kills, first) = (KillsOf(host), random.Next(Ways));
        var wrong = new List<string>();
        for (var trial = 0; trial < kills; trial++)
        {
            var moment = usual * (1.05 * (trial + random.NextDouble()) / kills);
            var recovery = (Recovery)((first + trial) % Ways);
            var trace = $"{server} {method} {host} trial {trial}, killed after "
                + $"{moment.TotalMilliseconds:0} of {usual.TotalMilliseconds:0} ms, then {recovery}";
            var clock = new Stopwatch();
            try
            {
                var work = await scene.BeginAsync();
                using (var process = await scene.LaunchAsync(work.Request, SlowKeysPerSecond, host))
                {
                    await Task.Delay(moment);
                    await process.KillAsync();
                }

                trace += "; it was " + await scene.WhereAsync(work);
                clock.Start();
                await RecoverAsync(scene, work, recovery, trial % 2 == 0 ? host : Host.Driver);
            }
            catch (Exception failure) when (failure is XunitException or RedisOperationException or TimeoutException)
            {
                trace += ": " + failure.Message[..Math.Min(2000, failure.Message.Length)];
                wrong.Add(trace);
            }

            output.WriteLine(trace + ", recovered in " + clock.ElapsedMilliseconds + " ms");
        }

        Assert.Empty(wrong);
    }

    // Server-side migrations outlive a killed process, and an undo has to include the slots that they hand over after that.
    public static TheoryData<string, bool> Endings => KillCase.IsFullProof
        ? new() { { Servers.Redis86, false }, { Servers.Redis86, true }, { Servers.Valkey91, false }, { Servers.Valkey91, true } }
        : new() { { Servers.Redis86, false }, { Servers.Valkey91, true } };

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task An_atomic_run_is_resumed_or_undone_while_the_servers_still_move_slots(string server, bool isUndone)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.Atomic);
        await scene.SlowServersDownAsync(microsecondsPerKey: 4_000);
        var work = await scene.BeginAsync();
        using (var process = await scene.LaunchAsync(work.Request))
        {
            await KillScene.UntilAsync(async () => await scene.TasksAsync() > 0);
            await process.KillAsync();
        }

        var killed = Assert.Single(scene.Runs());
        var end = isUndone ? await scene.UndoAsync(killed.Id) : await scene.ResumeAsync();
        end.AssertExited(0);
        var expected = isUndone ? "The servers are still moving" : "is already in progress";
        Assert.Contains(end.Messages, message => message.Text.Contains(expected, StringComparison.Ordinal));
        Assert.Equal(0, await scene.TasksAsync());
        await scene.AssertEndedAsync(isUndone ? work.Before : work.After);
    }

    // The journal is there. Where a slot was left open, the same command names the run and changes nothing.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task The_same_command_after_a_kill_continues_or_names_the_resume(string server)
    {
        var output = TestContext.Current.TestOutputHelper!;
        var random = TestSeed.NewRandom();
        await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.KeyByKey);
        var refused = 0;
        // A kill may also fall between two windows, when no slot is open. One of them has to find an open slot.
        for (var round = 0; round < (KillCase.IsFullProof ? 16 : 2) || (refused == 0 && round < 20); round++)
        {
            var work = await scene.BeginAsync();
            using (var process = await scene.LaunchAsync(work.Request, SlowKeysPerSecond))
            {
                await KillScene.UntilAsync(async () =>
                    process.HasExited || (await Task.WhenAll(scene.Cluster.Nodes.Select(TestCluster.OwnLineOfAsync)))
                        .Any(own => own.MigratingTo.Count > 0));
                // Every other kill is immediate: the slot that was just seen open most probably still is.
                await Task.Delay(round % 2 == 0 ? 0 : random.Next(0, 150));
                await process.KillAsync();
            }

            var where = await scene.WhereAsync(work);
            var killed = scene.Runs().SingleOrDefault();
            var before = await scene.Cluster.OwnersAsync();
            var again = await scene.RunAsync(work.Request);
            var next = again.Failures.Select(failure => failure.NextStep).FirstOrDefault();
            output.WriteLine($"{where}; again: exit {again.ExitCode}, {again.FirstFailure} Next: {next}");
            if (again.ExitCode != 0)
            {
                refused++;
                var failure = Assert.Single(again.Failures);
                Assert.StartsWith("Resume-RedisMigration -Id " + killed!.Id, failure.NextStep, StringComparison.Ordinal);
                Assert.Equal(before, await scene.Cluster.OwnersAsync());
                (await scene.ResumeAsync()).AssertExited(0);
            }

            Assert.Equal(CountsOf(work.After), CountsOf(await scene.Cluster.OwnersAsync()));
            await scene.Cluster.AssertConsistentAsync();
        }

        Assert.True(refused > 0, "No kill left a slot of the plan open.");
    }

    private static int KillsOf(Host host) => KillCase.IsFullProof ? host == Host.Driver ? 25 : 3 : 1;

    private static async Task<TimeSpan> UndisturbedAsync(MoveScene scene, Host host)
    {
        var work = await scene.BeginAsync();
        using var process = await scene.LaunchAsync(work.Request, SlowKeysPerSecond, host);
        var clock = Stopwatch.StartNew();
        var end = await process.EndAsync();
        var usual = clock.Elapsed;
        end.AssertExited(0);
        Assert.Equal(work.SlotCount, end.Results.Count);
        await scene.AssertEndedAsync(work.After);
        return usual;
    }

    private static async Task RecoverAsync(MoveScene scene, MoveWork work, Recovery recovery, Host host)
    {
        var killed = scene.Runs().SingleOrDefault();
        if (recovery == Recovery.RebalanceWithoutJournal)
            scene.LoseJournal();
        // A run that is not in the journal has changed nothing.
        if (killed is null || recovery == Recovery.RebalanceWithoutJournal)
        {
            await RebalanceAgainAsync(scene, work, host);
            return;
        }

        if (recovery == Recovery.Undo)
        {
            (await scene.UndoAsync(killed.Id, host)).AssertExited(0);
            await scene.AssertEndedAsync(work.Before);
            return;
        }

        var done = killed.Slots.Where(slot => slot.Outcome == MigrationOutcome.Moved).Select(slot => slot.Slot).ToList();
        var end = await scene.ResumeAsync(host);
        end.AssertExited(killed.IsResumable ? 0 : end.ExitCode);
        var resumed = end.Results.Select(result => result.Slot).ToList();
        Assert.Empty(resumed.Intersect(done));
        Assert.Equal(resumed.Distinct().Count(), resumed.Count);
        Assert.Equal(killed.SlotCount, done.Count + resumed.Count);
        await scene.AssertEndedAsync(work.After);
        Assert.All(scene.Runs(), known => Assert.False(known.IsResumable, "The journal says: " + known));
    }

    // Server-side migrations finish by themselves. A repair completes the slots that were left open, as their flags say. The same command
    // moves the rest.
    private static async Task RebalanceAgainAsync(MoveScene scene, MoveWork work, Host host)
    {
        await KillScene.UntilAsync(async () => await scene.TasksAsync() == 0);
        (await scene.RepairAsync()).AssertExited(0);
        (await scene.RunAsync(work.Request, host)).AssertExited(0);
        // The masters have as many slots as planned, but not necessarily the same ones.
        Assert.Equal(CountsOf(work.After), CountsOf(await scene.Cluster.OwnersAsync()));
        await scene.Cluster.AssertConsistentAsync();
    }

    private static IReadOnlyList<(int Node, int Slots)> CountsOf(IReadOnlyList<int> owners) =>
        [.. owners.GroupBy(owner => owner).Select(group => (group.Key, group.Count())).Order()];
}
