using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;
using Xunit.Sdk;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// rco is killed with SIGKILL at random moments of a rebalance, and somebody goes on: resumes it, takes it back, or lost the journal and
/// rebalances again. Every slot ends where it belongs, no slot stays open, and every key is there.
/// </summary>
public sealed class KilledRebalanceTests
{
    private const int Keys = 40_000;
    private static readonly int Kills = KillCase.IsFullProof ? 25 : 1;

    // Without the journal each slot that was left open is repaired by itself, which takes long.
    private static readonly int Ways = KillCase.IsFullProof ? 3 : 2;

    // Half a second of moving, so that a moment can fall into any part of it.
    private static readonly string[] SlowKeyByKey = ["--method", "KeyByKey", "--max-keys-per-second", "20000"];
    private static readonly string[] Atomic = ["--method", "Atomic"];

    private enum After
    {
        Resume,
        Undo,
        RebalanceWithoutJournal,
    }

    public static TheoryData<string, string> Cases => MoveMethods.Of(Servers.RedisAndValkey);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Killed_at_any_moment_it_is_gone_on_with_or_taken_back(string server, string method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, method == "Atomic" ? Atomic : SlowKeyByKey);
        if (method == "Atomic")
            await scene.SlowServersDownAsync();
        var usual = await UndisturbedAsync(scene);
        var first = Random.Shared.Next(Ways);
        var wrong = new List<string>();
        for (var trial = 0; trial < Kills; trial++)
        {
            // In the first fifth the runtime starts.
            var moment = usual * (0.3 + (0.7 * (trial + Random.Shared.NextDouble()) / Kills));
            var after = (After)((first + trial) % Ways);
            var trace = "trial " + trial + ", killed after " + (int)moment.TotalMilliseconds + " of " + (int)usual.TotalMilliseconds + " ms, then " + after;
            var clock = new Stopwatch();
            try
            {
                var work = await scene.BeginAsync();
                using (var rco = scene.Start(work.Command))
                {
                    await Task.Delay(moment);
                    await rco.KillAsync();
                }

                trace += ": " + await scene.WhereAsync(work);
                clock.Start();
                await GoOnAsync(scene, work, after);
            }
            catch (Exception failure) when (failure is XunitException or RedisOperationException or TimeoutException)
            {
                trace += ": " + failure.Message[..Math.Min(2000, failure.Message.Length)];
                wrong.Add(trace);
            }

            TestContext.Current.TestOutputHelper!.WriteLine(server + " " + method + " " + trace + ", " + clock.ElapsedMilliseconds + " ms");
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_finished_run_is_taken_back(string server, string method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, ["--method", method]);
        var work = await scene.BeginAsync();
        (await scene.RunAsync(work.Command)).AssertEnded(0);
        await scene.AssertEndedAsync(work.After);
        var clock = Stopwatch.StartNew();
        var run = await scene.RunAsync("undo", "--migration-id", Assert.Single(scene.Runs()).Id);
        TestContext.Current.TestOutputHelper!.WriteLine(server + " " + method + ": taken back in " + clock.ElapsedMilliseconds + " ms");
        run.AssertEnded(0);
        Assert.Equal(work.SlotCount, run.Objects().Count(result => result.GetProperty("Outcome").GetString() == "RolledBack"));
        await scene.AssertEndedAsync(work.Before);
    }

    // They go on by themselves, and what they give away after that has to come back as well.
    [Theory]
    [InlineData(Servers.Redis86, false)]
    [InlineData(Servers.Redis86, true)]
    [InlineData(Servers.Valkey91, false)]
    [InlineData(Servers.Valkey91, true)]
    public async Task A_run_of_the_servers_is_gone_on_with_or_taken_back_while_they_are_still_at_it(string server, bool takenBack)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, Atomic);
        await scene.SlowServersDownAsync(microsecondsPerKey: 600);
        var work = await scene.BeginAsync();
        using (var rco = scene.Start(work.Command))
        {
            await KillScene.UntilAsync(async () => await scene.TasksAsync() > 0);
            await rco.KillAsync();
        }

        var killed = Assert.Single(scene.Runs());
        var run = takenBack ? await scene.RunAsync("undo", "--migration-id", killed.Id) : await scene.RunAsync("resume");
        run.AssertEnded(0);
        Assert.Contains(takenBack ? "The servers are still moving" : "is under way already", run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, await scene.TasksAsync());
        await scene.AssertEndedAsync(takenBack ? work.Before : work.After);
    }

    private static async Task<TimeSpan> UndisturbedAsync(MoveScene scene)
    {
        var work = await scene.BeginAsync();
        var clock = Stopwatch.StartNew();
        var run = await scene.RunAsync(work.Command);
        var usual = clock.Elapsed;
        run.AssertEnded(0);
        Assert.Equal(work.SlotCount, run.Objects().Count);
        await scene.AssertEndedAsync(work.After);
        return usual;
    }

    private static async Task GoOnAsync(MoveScene scene, MoveWork work, After after)
    {
        var killed = scene.Runs().SingleOrDefault();
        if (after == After.RebalanceWithoutJournal)
            scene.LoseJournal();
        // Of a run that wrote nothing down nothing was touched.
        if (killed is null || after == After.RebalanceWithoutJournal)
        {
            await AgainAsync(scene, work);
            return;
        }

        if (after == After.Undo)
        {
            AssertDone(await scene.RunAsync("undo", "--migration-id", killed.Id));
            await scene.AssertEndedAsync(work.Before);
            return;
        }

        var done = killed.Slots.Where(slot => slot.Outcome == MigrationOutcome.Moved).Select(slot => slot.Slot).ToList();
        var run = await scene.RunAsync("resume");
        run.AssertEnded(killed.IsResumable ? 0 : run.ExitCode);
        var told = run.Objects().Select(result => result.GetProperty("Slot").GetInt32()).ToList();
        Assert.Empty(told.Intersect(done));
        Assert.Equal(told.Distinct().Count(), told.Count);
        Assert.Equal(killed.SlotCount, done.Count + told.Count);
        await scene.AssertEndedAsync(work.After);
        Assert.All(scene.Runs(), known => Assert.False(known.IsResumable, "The journal says: " + known));
    }

    // What the servers do by themselves they end by themselves. What was left open is repaired, forward as its flags say; then the same command does the rest.
    private static async Task AgainAsync(MoveScene scene, MoveWork work)
    {
        await KillScene.UntilAsync(async () => await scene.TasksAsync() == 0);
        AssertDone(await scene.RepairAsync());
        AssertDone(await scene.RunAsync(work.Command));
        // As even as was asked for; which slots make it so may differ.
        Assert.Equal(CountsOf(work.After), CountsOf(await scene.Cluster.OwnersAsync()));
        await scene.Cluster.AssertInOrderAsync();
    }

    // Its results are thousands of lines.
    private static void AssertDone(RcoRun run) => Assert.True(run.ExitCode == 0, "It ended with " + run.ExitCode + ": " + string.Join("\n", run.ErrorLines.Where(line => line.StartsWith("error", StringComparison.Ordinal)).Take(3)));

    private static IReadOnlyList<(int Node, int Slots)> CountsOf(IReadOnlyList<int> owners) => [.. owners.GroupBy(owner => owner).Select(group => (group.Key, group.Count())).Order()];
}
