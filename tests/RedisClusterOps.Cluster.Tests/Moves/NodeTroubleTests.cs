using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>
/// A master dies, hangs or hands over to its replica in the middle of a rebalance: the run reports what has not moved, and a resume moves
/// the rest.
/// </summary>
public sealed class NodeTroubleTests(ITestOutputHelper output)
{
    private const int Keys = 12_000;

    private static readonly TimeSpan ShortNodeTimeout = TimeSpan.FromSeconds(2);

    // Longer than the node timeout. The test cannot ask whether the hang was noticed, because a source does not respond during MIGRATE.
    private static readonly TimeSpan Hang = ShortNodeTimeout + TimeSpan.FromSeconds(1);

    // A dead node takes many seconds, so the short proof takes one server and one method.
    public static TheoryData<string, MoveMethod, Victim> Deaths
    {
        get
        {
            var cases = new TheoryData<string, MoveMethod, Victim>();
            foreach (var row in MoveMethods.All)
            {
                var (server, method) = row.Data;
                if (KillCase.IsFullProof || (server, method) is (Servers.Redis70, _) or (Servers.Redis86, MoveMethod.Atomic))
                {
                    var one = method == MoveMethod.KeyByKey ? Victim.Source : Victim.Target;
                    foreach (var victim in KillCase.IsFullProof ? Enum.GetValues<Victim>() : [one])
                        cases.Add(server, method, victim);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_master_that_dies_and_is_restarted_loses_no_key(string server, MoveMethod method, Victim victim)
    {
        await using var scene = await StartAsync(server, method, options => options with
        {
            AppendOnly = true,
            ConfigLines = [.. options.ConfigLines, "appendfsync always"],
            NodeTimeout = ShortNodeTimeout,
        });
        var work = await BeginAsync(scene, method, isBesideOthers: victim == Victim.Third);
        using var process = await LaunchAsync(scene, work, method);
        await UntilKeysMoveAsync(scene, method);
        var node = victim switch { Victim.Source => scene.Cluster.Nodes[0], Victim.Target => scene.Last, _ => scene.Cluster.Nodes[1] };
        node.Kill();
        await UntilSuspectedAsync(scene, node);
        await node.RestartAsync();
        var end = await process.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine(
            "{0} {1}, {2} died: exit status {3}, {4}; {5}",
            server,
            method,
            victim,
            end.ExitCode,
            await scene.WhereAsync(work),
            end.FirstFailure);
        await AssertReportedAsync(scene, end, work);
        if (end.ExitCode != 0)
            (await scene.ResumeAsync()).AssertExited(0);
        await scene.AssertEndedAsync(work.After);
    }

    // The slots of the old master belong to the new one, so the run has to read the roles again.
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_run_continues_with_the_new_master_after_a_failover_of_the_target(string server)
    {
        await using var scene = await StartAsync(
            server,
            MoveMethod.KeyByKey,
            options => options with
            {
                ConfigLines = [.. options.ConfigLines, "cluster-migration-barrier 9"],
                NodeTimeout = ShortNodeTimeout,
            },
            replicas: 4);
        // A run moves every slot that is open at that moment individually, so there must be few of them.
        var work = await scene.BeginBesideOthersAsync();
        var target = scene.Last;
        var replica = await ReplicaOfAsync(scene, target);
        var nodes = scene.Cluster.Nodes;
        var lines = await Task.WhenAll(nodes.Select(TestCluster.OwnLineOfAsync));
        var shards = lines.Select(line => nodes.Single(node => node.Id == (line.MasterId ?? line.Id)).Index).ToList();
        using var process = await LaunchAsync(scene, work, MoveMethod.KeyByKey, keysPerSecond: 400);
        // On Redis, a master without slots has no failover.
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(target)).Slots.Count > 100);
        await TestCluster.PromoteAsync(replica);
        var end = await process.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0}: exit status {1}; {2}", server, end.ExitCode, end.FirstFailure);
        if (end.ExitCode != 0)
            (await scene.ResumeAsync()).AssertExited(0);
        // The old master takes over no slot while its replica takes its place.
        var owners = await scene.Cluster.OwnersAsync();
        Assert.DoesNotContain(target.Index, owners);
        Assert.InRange(owners.Count(owner => owner == replica.Index), 100, HashSlot.Count);
        Assert.Equal(work.After, owners.Select(owner => shards[owner]));
        await scene.Cluster.AssertConsistentAsync();
    }

    public static TheoryData<string> Atomic => KillCase.IsFullProof ? [Servers.Redis86, Servers.Valkey91] : [Servers.Valkey91];

    // The servers cancel the moves of the old master, and the rest comes from the new one.
    [Theory]
    [MemberData(nameof(Atomic))]
    public async Task A_failover_of_the_source_during_an_atomic_move(string server)
    {
        await using var scene = await StartAsync(
            server, MoveMethod.Atomic, options => options with { NodeTimeout = ShortNodeTimeout }, replicas: 4);
        var work = await scene.BeginAsync();
        var source = scene.Cluster.Nodes[0];
        var replica = await ReplicaOfAsync(scene, source);
        using var process = await LaunchAsync(scene, work, MoveMethod.Atomic);
        await UntilKeysMoveAsync(scene, MoveMethod.Atomic);
        await TestCluster.PromoteAsync(replica);
        var end = await process.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0}: exit status {1}; {2}", server, end.ExitCode, end.FirstFailure);
        if (end.ExitCode != 0)
            (await scene.ResumeAsync()).AssertExited(0);
        await scene.AssertEndedAsync([.. work.After.Select(owner => owner == source.Index ? replica.Index : owner)]);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_run_waits_for_a_target_that_hangs_for_seconds(string server, MoveMethod method)
    {
        await using var scene = await StartAsync(server, method, options => options with { NodeTimeout = ShortNodeTimeout });
        var work = await BeginAsync(scene, method);
        using var process = await LaunchAsync(scene, work, method);
        await UntilKeysMoveAsync(scene, method);
        scene.Last.Stop();
        await Task.Delay(Hang);
        scene.Last.Continue();
        var end = await process.EndAsync();
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        output.WriteLine("{0} {1}, the target hung: exit status {2}, {3}", server, method, end.ExitCode, await scene.WhereAsync(work));
        await AssertReportedAsync(scene, end, work);
        if (end.ExitCode != 0)
            (await scene.ResumeAsync()).AssertExited(0);
        await scene.AssertEndedAsync(work.After);
    }

    public static TheoryData<string, MoveMethod> Cases => MoveMethods.OneOfEach;

    private static Task<MoveScene> StartAsync(
        string server, MoveMethod method, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) =>
        MoveScene.StartAsync(server, Keys, method, with, replicas);

    private static async Task<LocalNode> ReplicaOfAsync(MoveScene scene, LocalNode master) =>
        scene.Cluster.Cluster.NodeOf((await TestCluster.ViewOfAsync(master)).Single(line => line.MasterId == master.Id).Id);

    // After a connection was lost, the run moves the remaining slots individually. In the short proof they are few.
    private static Task<MoveWork> BeginAsync(MoveScene scene, MoveMethod method, bool isBesideOthers = false) =>
        !isBesideOthers && (KillCase.IsFullProof || method == MoveMethod.Atomic)
            ? scene.BeginAsync()
            : scene.BeginBesideOthersAsync(slots: 300);

    // Two to four seconds of moving.
    private static Task<OperationProcess> LaunchAsync(MoveScene scene, MoveWork work, MoveMethod method, int? keysPerSecond = null) =>
        scene.LaunchAsync(work.Request, method == MoveMethod.Atomic ? 0 : keysPerSecond ?? (work.SlotCount > 1_000 ? 2_000 : 100));

    // The other masters flag the node as possibly failing, "fail?", or as failed.
    private static async Task UntilSuspectedAsync(MoveScene scene, LocalNode node)
    {
        var other = scene.Cluster.Cluster.Masters.First(master => master != node);
        await KillScene.UntilAsync(async () =>
            ((await TestCluster.ViewOfAsync(other)).Single(line => line.Id == node.Id).Flags & (NodeFlags.PFail | NodeFlags.Fail)) != 0);
    }

    private static async Task UntilKeysMoveAsync(MoveScene scene, MoveMethod method)
    {
        if (method == MoveMethod.Atomic)
            await scene.SlowServersDownAsync();
        await KillScene.UntilAsync(
            async () => method == MoveMethod.Atomic ? await scene.TasksAsync() > 0 : await KillScene.KeysAsync(scene.Last) > 0);
    }

    /// <summary>Every slot that was reported as moved has moved.</summary>
    private static async Task AssertReportedAsync(MoveScene scene, OperationEnd end, MoveWork work)
    {
        var owners = await scene.Cluster.OwnersAsync();
        var moved = end.Results.Where(result => result.Outcome == MigrationOutcome.Moved).Select(result => result.Slot).ToList();
        Assert.All(moved, slot => Assert.Equal((slot, work.After[slot]), (slot, owners[slot])));
        if (end.ExitCode == 0)
            Assert.Equal(work.SlotCount, moved.Count);
        else
            Assert.Contains(end.Results, result => result.Outcome == MigrationOutcome.Failed);
    }
}
