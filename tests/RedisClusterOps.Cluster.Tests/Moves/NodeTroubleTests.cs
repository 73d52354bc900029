using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A master dies, hangs or hands over to its replica in the middle of a rebalance: rco says what has not moved, and resume does the rest.</summary>
public sealed class NodeTroubleTests(ITestOutputHelper output)
{
    private const int Keys = 12_000;

    // Dying nodes take many seconds each, so a usual run takes them on one server and by one method.
    public static TheoryData<string, string, Victim> Deaths
    {
        get
        {
            var cases = new TheoryData<string, string, Victim>();
            foreach (var row in MoveMethods.Of(Servers.RedisAndValkey))
            {
                var (server, method) = row.Data;
                if (KillCase.IsFullProof || (server, method) is (Servers.Redis70, _) or (Servers.Redis86, "Atomic"))
                {
                    foreach (var victim in KillCase.IsFullProof || method == "KeyByKey" ? Enum.GetValues<Victim>() : [Victim.Target])
                        cases.Add(server, method, victim);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_master_that_dies_and_comes_back_has_lost_nothing(string server, string method, Victim victim)
    {
        await using var scene = await StartAsync(server, method, options => options with
        {
            AppendOnly = true,
            ConfigLines = [.. options.ConfigLines, "appendfsync always"],
        });
        var work = victim == Victim.Third ? await scene.BeginBesideOthersAsync() : await scene.BeginAsync();
        using var rco = Start(scene, work, method);
        await UntilAtWorkAsync(scene, method);
        var node = victim switch { Victim.Source => scene.Cluster.Nodes[0], Victim.Target => scene.Last, _ => scene.Cluster.Nodes[1] };
        node.Kill();
        await Task.Delay(1_500);
        await node.RestartAsync();
        var run = await rco.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0} {1}, {2} died: exit status {3}, {4}; {5}", server, method, victim, run.ExitCode, await scene.WhereAsync(work), run.ErrorLines.FirstOrDefault(line => line.StartsWith("error", StringComparison.Ordinal)) ?? "no error");
        await AssertToldAsync(scene, run, work);
        if (run.ExitCode != 0)
            (await scene.RunAsync("resume")).AssertEnded(0);
        await scene.AssertEndedAsync(work.After);
    }

    // Slots that were the old master's are the new one's; which it is, is read again.
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_target_that_hands_over_to_its_replica_is_followed(string server)
    {
        await using var scene = await StartAsync(server, "KeyByKey", options => options with { ConfigLines = [.. options.ConfigLines, "cluster-migration-barrier 9"], NodeTimeout = TimeSpan.FromSeconds(2) }, replicas: 4);
        // Every slot that is open then is gone on with alone, so it is few of them.
        var work = await scene.BeginBesideOthersAsync();
        var target = scene.Last;
        var replica = await ReplicaOfAsync(scene, target);
        using var rco = Start(scene, work, "KeyByKey", keysPerSecond: 400);
        // Without a slot it could not be followed by anybody on Redis.
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(target)).Slots.Count > 100);
        await TestCluster.PromoteAsync(replica);
        var run = await rco.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0}: exit status {1}; {2}", server, run.ExitCode, run.ErrorLines.FirstOrDefault(line => line.StartsWith("error", StringComparison.Ordinal)) ?? "no error");
        if (run.ExitCode != 0)
            (await scene.RunAsync("resume")).AssertEnded(0);
        await scene.AssertEndedAsync([.. work.After.Select(owner => owner == target.Index ? replica.Index : owner)]);
    }

    public static TheoryData<string> Atomic => KillCase.IsFullProof ? [Servers.Redis86, Servers.Valkey91] : [Servers.Valkey91];

    // The servers end what they were at for it, and the rest comes from the new master.
    [Theory]
    [MemberData(nameof(Atomic))]
    public async Task A_source_that_hands_over_to_its_replica_while_the_servers_move(string server)
    {
        await using var scene = await StartAsync(server, "Atomic", options => options with { NodeTimeout = TimeSpan.FromSeconds(2) }, replicas: 4);
        var work = await scene.BeginAsync();
        var source = scene.Cluster.Nodes[0];
        var replica = await ReplicaOfAsync(scene, source);
        using var rco = Start(scene, work, "Atomic");
        await UntilAtWorkAsync(scene, "Atomic");
        await TestCluster.PromoteAsync(replica);
        var run = await rco.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0}: exit status {1}; {2}", server, run.ExitCode, run.ErrorLines.FirstOrDefault(line => line.StartsWith("error", StringComparison.Ordinal)) ?? "no error");
        if (run.ExitCode != 0)
            (await scene.RunAsync("resume")).AssertEnded(0);
        await scene.AssertEndedAsync([.. work.After.Select(owner => owner == source.Index ? replica.Index : owner)]);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task One_that_hangs_for_some_seconds_is_waited_for(string server, string method)
    {
        await using var scene = await StartAsync(server, method);
        var work = await scene.BeginAsync();
        using var rco = Start(scene, work, method);
        await UntilAtWorkAsync(scene, method);
        scene.Last.Stop();
        await Task.Delay(3_000);
        scene.Last.Continue();
        var run = await rco.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0} {1}, the target hung: exit status {2}, {3}", server, method, run.ExitCode, await scene.WhereAsync(work));
        await AssertToldAsync(scene, run, work);
        if (run.ExitCode != 0)
            (await scene.RunAsync("resume")).AssertEnded(0);
        await scene.AssertEndedAsync(work.After);
    }

    public static TheoryData<string, string> Cases => KillCase.IsFullProof ? MoveMethods.Of(Servers.RedisAndValkey) : new() { { Servers.Redis70, "KeyByKey" }, { Servers.Valkey91, "Atomic" } };

    private static Task<MoveScene> StartAsync(string server, string method, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) =>
        MoveScene.StartAsync(server, Keys, ["--method", method], with, replicas);

    private static async Task<LocalNode> ReplicaOfAsync(MoveScene scene, LocalNode master) =>
        scene.Cluster.Cluster.NodeOf((await TestCluster.ViewOfAsync(master)).Single(line => line.MasterId == master.Id).Id);

    private static RcoProcess Start(MoveScene scene, MoveWork work, string method, int keysPerSecond = 2_000) =>
        scene.Start([.. work.Command, .. method == "Atomic" ? [] : new[] { "--max-keys-per-second", keysPerSecond.ToString(), "--timeout", "5s" }]);

    private static async Task UntilAtWorkAsync(MoveScene scene, string method)
    {
        if (method == "Atomic")
            await scene.SlowServersDownAsync();
        await KillScene.UntilAsync(async () => method == "Atomic" ? await scene.TasksAsync() > 0 : await KillScene.KeysAsync(scene.Last) > 0);
    }

    /// <summary>Whatever was told to have moved has.</summary>
    private static async Task AssertToldAsync(MoveScene scene, RcoRun run, MoveWork work)
    {
        var owners = await scene.Cluster.OwnersAsync();
        var moved = run.Objects().Where(result => result.GetProperty("Outcome").GetString() == "Moved").Select(result => result.GetProperty("Slot").GetInt32()).ToList();
        Assert.All(moved, slot => Assert.Equal((slot, work.After[slot]), (slot, owners[slot])));
        if (run.ExitCode == 0)
            Assert.Equal(work.SlotCount, moved.Count);
        else
            Assert.Contains(run.Objects(), result => result.GetProperty("Outcome").GetString() == "Failed");
    }
}
