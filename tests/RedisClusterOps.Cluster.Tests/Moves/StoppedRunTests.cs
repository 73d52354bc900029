using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Atomic;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// Ctrl+C during a rebalance: the process exits within two seconds, no key is missing, each slot is in a named state, and a resume moves
/// the rest.
/// </summary>
public sealed class StoppedRunTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;

    private static readonly int Rounds = KillCase.IsFullProof ? 10 : 1;

    // At 4000 keys a second each of three pairs has a quarter of a second of work open: 333 keys in 273 slots. Most of it is finished
    // after the stop.
    private const int MostOpen = 820;

    public static TheoryData<string, MoveMethod> Cases => MoveMethods.OneOfEach;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_stopped_run_exits_at_once_and_can_be_resumed(string server, MoveMethod method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, method);
        await scene.SlowServersDownAsync();
        var work = await scene.BeginAsync();
        using var process = await scene.LaunchAsync(work.Request, keysPerSecond: method == MoveMethod.Atomic ? 0 : 4_000);
        await UntilKeysMoveAsync(scene, method);
        process.Interrupt();
        var clock = Stopwatch.StartNew();
        var end = await process.EndAsync();
        var (took, open) = (clock.Elapsed, await OpenAsync(scene));
        output.WriteLine("{0} {1}: ended after {2} ms with {3} slots open", server, method, (int)took.TotalMilliseconds, open.Count);

        end.AssertExited(1);
        Assert.Contains(end.Failures, failure => failure.Code == nameof(FailureCode.Stopped));
        Assert.All(end.Failures, failure => Assert.StartsWith("Resume-RedisMigration", failure.NextStep));
        await scene.AssertFastAsync(took);
        Assert.InRange(open.Count, 0, method == MoveMethod.Atomic ? 0 : MostOpen);
        Assert.All(open, slot => Assert.Contains(slot.State, new[] { RedisOpenSlotState.Migrating, RedisOpenSlotState.Drained }));
        Assert.Equal(0, await scene.TasksAsync());
        Assert.Equal(Keys, await AllKeysAsync(scene));
        Assert.Equal(MigrationState.Stopped, Assert.Single(scene.Runs()).State);

        (await scene.ResumeAsync()).AssertExited(0);
        await scene.AssertEndedAsync(work.After);
    }

    // Keys of a batch in progress reach the target after the stop. The run must not treat their slots as untouched and close them.
    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Keys_in_transit_to_a_target_that_hangs_stay_reachable(string server)
    {
        var random = TestSeed.NewRandom();
        await using var scene = await MoveScene.StartAsync(server, Keys, MoveMethod.KeyByKey);
        for (var round = 0; round < Rounds; round++)
        {
            var work = await scene.BeginAsync();
            using var process = await scene.LaunchAsync(work.Request, keysPerSecond: 4_000);
            await UntilKeysMoveAsync(scene, MoveMethod.KeyByKey);
            var targets = work.After.Zip(work.Before).Where(slot => slot.First != slot.Second)
                .Select(slot => scene.Cluster.Nodes[slot.First]).Distinct().ToList();
            targets.ForEach(target => target.Stop());
            // The run sends its next batch in this time. It has keys in transit, or waits for the target's answer to SETSLOT: no source
            // shows which.
            await Task.Delay(200);
            process.Interrupt();
            await Task.Delay(random.Next(650, 900));
            targets.ForEach(target => target.Continue());
            (await process.EndAsync()).AssertExited(1);
            await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
            await AssertAllReadableAsync(scene, work);
            (await scene.ResumeAsync()).AssertExited(0);
            await scene.AssertEndedAsync(work.After);
        }
    }

    // Nodes that hang take up all the time between the stop and the end. The run still reports each pair.
    [Theory]
    [MemberData(nameof(AtomicScene.OneOf), Servers.Redis86, MemberType = typeof(AtomicScene))]
    public async Task Every_pair_is_reported_while_nodes_hang(string server)
    {
        await using var cluster = await FilledCluster.StartAsync(
            server, Keys, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var timeout = TimeSpan.FromMilliseconds(500);
        var session = new RedisClusterSession(
            [cluster.Nodes[^1].Endpoint], cluster.Cluster.Connection with { ConnectTimeout = timeout, CommandTimeout = timeout });
        var options = new MoveOptions { Method = MoveMethod.Atomic, MaxParallel = 1, JournalPath = JournalOfTests.NewFolder() };
        using (var core = new RedisCluster(session))
        using (var stop = new CancellationTokenSource())
        {
            var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
            var sources = plan.Moves.Select(move => cluster.Cluster.NodeOf(move.SourceId)).ToList();
            // The second pair is slow. While the third source hangs, the run cannot prove that the first pair has moved.
            await sources[1].SendAsync("CONFIG", "SET", "rdb-key-save-delay", 5_000);
            var run = await core.RunMovesAsync(await core.CheckMovesAsync(plan, options, default), plan.Moves, options, stop.Token);
            sources[2].Stop();
            await KillScene.UntilAsync(async () => await FilledCluster.TasksAsync(sources[1]) > 0);
            // The run has asked all nodes without success and asks them again.
            await ServerCalls.UntilAsync(sources[0], "cluster|nodes", more: 2);
            sources[1].Stop();
            await stop.CancelAsync();
            var reported = new HashSet<int>();
            while (await run.NextAsync() is { } some)
                reported.UnionWith(some.Select(outcome => outcome.Result.Slot));
            sources.Skip(1).ToList().ForEach(node => node.Continue());
            Assert.All(plan.Moves, move => Assert.Contains(SlotSet.From(move.Ranges).Slots, reported.Contains));
        }

        await cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        using (var core = new RedisCluster(cluster.Session))
        {
            var plan = await core.PlanResumeOfMovesAsync(null, options, default);
            Assert.All(
                await MoveRuns.CarryOutAsync(core, plan!, options),
                outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        }

        Assert.Equal([4096, 4096, 4096, 4096], await cluster.SlotCountsAsync());
        await cluster.AssertConsistentAsync();
    }

    private static async Task UntilKeysMoveAsync(MoveScene scene, MoveMethod method)
    {
        var before = await CountsAsync();
        await KillScene.UntilAsync(
            async () => method == MoveMethod.Atomic ? await scene.TasksAsync() > 0 : !(await CountsAsync()).SequenceEqual(before));

        async Task<IReadOnlyList<long>> CountsAsync() => await Task.WhenAll(scene.Cluster.Nodes.Select(KillScene.KeysAsync));
    }

    private static async Task<IReadOnlyList<RedisOpenSlot>> OpenAsync(MoveScene scene)
    {
        using var core = new RedisCluster(scene.Cluster.Session);
        return await core.GetOpenSlotsAsync(null, default);
    }

    private static async Task<long> AllKeysAsync(MoveScene scene) =>
        (await Task.WhenAll(scene.Cluster.Nodes.Select(KillScene.KeysAsync))).Sum();

    // Reads as a client that follows redirects.
    private static async Task AssertAllReadableAsync(MoveScene scene, MoveWork work)
    {
        using var client = scene.Cluster.Cluster.Client();
        for (var number = 0; number < Keys; number++)
        {
            // The run does not touch the other keys, and the end of the test checks them.
            var slot = FilledCluster.SlotOf(FilledCluster.Name(number));
            if (work.Before[slot] == work.After[slot])
                continue;
            var name = System.Text.Encoding.ASCII.GetBytes(FilledCluster.Name(number));
            var reply = await client.AskAsync(name, Protocol.RespCommand.Of("GET", name));
            Assert.Equal((number, FilledCluster.Value(number)), (number, reply.IsNull ? null : reply.Text));
        }
    }
}
