using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// Stops a key-by-key bulk move half-way: how long it takes to end, how many slots it leaves open, and whether a resume finishes them.
/// </summary>
public sealed class StopTimeTests(ITestOutputHelper output)
{
    private const int Pairs = 2;
    private const int Rate = 4_000;

    // Two seconds, and some slack for a machine that runs other tests at the same time.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    public static TheoryData<string, int, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, string>();
            foreach (var server in new[] { Servers.Redis70, Servers.Valkey91 })
            {
                foreach (var rate in new[] { 0, Rate })
                {
                    foreach (var hangs in new[] { "none", "source", "target", "third" })
                    {
                        // In the short proof each node hangs once.
                        if (KillCase.IsFullProof
                            || ((server == Servers.Redis70) == hangs is "none" or "source" && (rate == 0) == hangs is "none" or "target"))
                        {
                            cases.Add(server, rate, hangs);
                        }
                    }
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_stop_takes_at_most_two_seconds_and_leaves_few_windows_open(string server, int keysPerSecond, string hangs)
    {
        var keys = keysPerSecond > 0 ? 20_000 : 100_000;
        await using var cluster = await FilledCluster.StartAsync(
            server, keys, with: lab => lab with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var target = cluster.Nodes[^1];
        var hanging = hangs switch { "source" => cluster.Nodes[0], "target" => target, "third" => cluster.Nodes[2], _ => null };
        var journal = JournalOfTests.NewFolder();
        var options = new MoveOptions { Method = MoveMethod.KeyByKey, MaxKeysPerSecond = keysPerSecond, JournalPath = journal };
        IReadOnlyList<int> owners;
        TimeSpan took;
        using (var core = new RedisCluster(cluster.Session))
        using (var stop = new CancellationTokenSource())
        {
            var selection = new SlotSelection { Count = 4_096, Sources = [cluster.Nodes[0].Id, cluster.Nodes[1].Id], Target = target.Id };
            var plan = await core.PlanMoveAsync(selection, options, default);
            owners = cluster.OwnersIn(plan.After);
            var run = await core.RunMovesAsync(await core.CheckMovesAsync(plan, options, default), plan.Moves, options, stop.Token);
            await KillScene.UntilAsync(async () => await KillScene.KeysAsync(target) > 500);
            hanging?.Stop();
            var clock = Stopwatch.StartNew();
            await stop.CancelAsync();
            while (await run.NextAsync() is not null)
            {
            }

            took = clock.Elapsed;
        }

        hanging?.Continue();
        await cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        using var after = new RedisCluster(cluster.Session);
        var open = await after.GetOpenSlotsAsync(null, default);
        output.WriteLine(
            "{0}, {1} keys/s, {2} hangs: ended {3} ms after the stop with {4} slots open",
            server, keysPerSecond, hangs, (int)took.TotalMilliseconds, open.Count);

        Assert.InRange(took, TimeSpan.Zero, Longest);
        // With a limited rate a window of a pair holds a quarter of a second's keys, else 1024 slots at most. Three windows are in
        // progress at once without a limit: no slot of a node that hangs can be handed over.
        Assert.InRange(open.Count, 0, keysPerSecond > 0 ? keysPerSecond / 4 : Pairs * 1024 * (hanging is null ? 1 : 3));
        RedisOpenSlotState[] resumable =
        [
            RedisOpenSlotState.ImportingOnly, RedisOpenSlotState.Migrating, RedisOpenSlotState.Drained, RedisOpenSlotState.FinishedOnTarget,
            RedisOpenSlotState.FinishedOnSource,
        ];
        Assert.All(open, slot => Assert.Contains(slot.State, resumable));

        var resumed = await after.PlanResumeOfMovesAsync(null, options, default);
        var rest = await MoveRuns.CarryOutAsync(after, resumed!, options with { MaxKeysPerSecond = 0 });
        Assert.All(rest, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Equal(owners, await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
    }
}
