using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Ctrl+C in the middle of a rebalance: rco ends within a second, no key is missing, each slot is in a state with a name, and resume does the rest.</summary>
public sealed class StoppedRunTests(ITestOutputHelper output)
{
    private const int Keys = 20_000;

    private static readonly int Rounds = KillCase.IsFullProof ? 10 : 1;

    // Windows of the three pairs: of each one that drains, the next that is open already, and the one that is closing.
    private const int MostOpen = 3 * 3 * 256;

    public static TheoryData<string, string> Cases => MoveMethods.Of(Servers.RedisAndValkey);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task It_ends_at_once_and_is_gone_on_with(string server, string method)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, ["--method", method]);
        await scene.SlowServersDownAsync();
        var work = await scene.BeginAsync();
        using var rco = scene.Start([.. work.Command, .. method == "Atomic" ? [] : new[] { "--max-keys-per-second", "2000" }]);
        await UntilAtWorkAsync(scene, method);
        rco.Interrupt();
        var clock = Stopwatch.StartNew();
        var run = await rco.EndAsync();
        var (took, open) = (clock.Elapsed, await OpenAsync(scene));
        output.WriteLine("{0} {1}: ended after {2} ms with {3} slots open", server, method, (int)took.TotalMilliseconds, open.Count);

        run.AssertEnded(1);
        Assert.Contains(run.ErrorLines, line => line.StartsWith("error: Stopped", StringComparison.Ordinal));
        Assert.Equal("resume", run.Next()[0]);
        await scene.AssertSoonAsync(took);
        Assert.InRange(open.Count, 0, method == "Atomic" ? 0 : MostOpen);
        Assert.All(open, slot => Assert.Contains(slot.State, new[] { RedisOpenSlotState.Migrating, RedisOpenSlotState.Drained }));
        Assert.Equal(0, await scene.TasksAsync());
        Assert.Equal(Keys, await AllKeysAsync(scene));
        Assert.Equal(MigrationState.Stopped, Assert.Single(scene.Runs()).State);

        (await scene.RunAsync("resume")).AssertEnded(0);
        await scene.AssertEndedAsync(work.After);
    }

    // The keys in hand come to the target only after the stop: its slots must not be taken for untouched and closed.
    [Theory]
    [MemberData(nameof(Servers.RedisAndValkey), MemberType = typeof(Servers))]
    public async Task Keys_that_are_on_their_way_while_the_target_hangs_stay_reachable(string server)
    {
        await using var scene = await MoveScene.StartAsync(server, Keys, ["--method", "KeyByKey"]);
        for (var round = 0; round < Rounds; round++)
        {
            var work = await scene.BeginAsync();
            using var rco = scene.Start([.. work.Command, "--max-keys-per-second", "4000"]);
            await UntilAtWorkAsync(scene, "KeyByKey");
            var targets = work.After.Zip(work.Before).Where(slot => slot.First != slot.Second).Select(slot => scene.Cluster.Nodes[slot.First]).Distinct().ToList();
            targets.ForEach(target => target.Stop());
            await Task.Delay(200);
            rco.Interrupt();
            await Task.Delay(Random.Shared.Next(650, 900));
            targets.ForEach(target => target.Continue());
            (await rco.EndAsync()).AssertEnded(1);
            await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
            await AssertAllReadableAsync(scene, work);
            (await scene.RunAsync("resume")).AssertEnded(0);
            await scene.AssertEndedAsync(work.After);
        }
    }

    private static async Task UntilAtWorkAsync(MoveScene scene, string method)
    {
        var before = await CountsAsync();
        await KillScene.UntilAsync(async () => method == "Atomic" ? await scene.TasksAsync() > 0 : !(await CountsAsync()).SequenceEqual(before));

        async Task<IReadOnlyList<long>> CountsAsync() => await Task.WhenAll(scene.Cluster.Nodes.Select(KillScene.KeysAsync));
    }

    private static async Task<IReadOnlyList<RedisOpenSlot>> OpenAsync(MoveScene scene)
    {
        using var core = new RedisCluster(scene.Cluster.Session);
        return await core.GetOpenSlotsAsync(null, default);
    }

    private static async Task<long> AllKeysAsync(MoveScene scene) => (await Task.WhenAll(scene.Cluster.Nodes.Select(KillScene.KeysAsync))).Sum();

    // As a client that follows redirections sees them.
    private static async Task AssertAllReadableAsync(MoveScene scene, MoveWork work)
    {
        using var client = scene.Cluster.Cluster.Client();
        for (var number = 0; number < Keys; number++)
        {
            // Nobody touches the others; that they are there is looked at in the end.
            var slot = FilledCluster.SlotOf(FilledCluster.Name(number));
            if (work.Before[slot] == work.After[slot])
                continue;
            var name = System.Text.Encoding.ASCII.GetBytes(FilledCluster.Name(number));
            var reply = await client.AskAsync(name, Protocol.RespCommand.Of("GET", name));
            Assert.Equal((number, FilledCluster.Value(number)), (number, reply.IsNull ? null : reply.Text));
        }
    }
}
