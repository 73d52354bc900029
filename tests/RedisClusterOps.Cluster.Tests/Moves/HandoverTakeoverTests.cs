using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>When the source's replica takes the source's place.</summary>
public enum Promotion
{
    /// <summary>CLUSTER FAILOVER TAKEOVER, 0.3 seconds after the source died.</summary>
    TakeoverSoon,

    /// <summary>An election by the other masters, after the node timeout.</summary>
    Election,

    /// <summary>CLUSTER FAILOVER TAKEOVER at the moment of the death.</summary>
    TakeoverAtOnce,

    /// <summary>CLUSTER FAILOVER TAKEOVER by a replica that hung since before the death.</summary>
    TakeoverByStalledReplica,
}

/// <summary>
/// The source dies while it hands over many slots, and its replica takes its place. The replica claims each slot that its own view still
/// gives to the source. The target then deletes the keys of the slots that it already owns.
/// </summary>
public sealed class HandoverTakeoverTests(ITestOutputHelper output)
{
    private const int Keys = 12_000;
    private const int Slots = 600;

    // The most slots whose new owner the replica may not know yet: those of one batch.
    private const int MostInTransit = 1024;

    // The first batch has 128 slots and the next one at most twice as many; the rest of the first window is smaller.
    private const int MostOfFew = 256;

    public static TheoryData<string, Promotion> Cases
    {
        get
        {
            var cases = new TheoryData<string, Promotion>();
            foreach (var promotion in Enum.GetValues<Promotion>())
            {
                foreach (var server in Servers.RedisAndValkey)
                {
                    if (KillCase.IsFullProof || (server.Data, promotion) is (Servers.Valkey91, Promotion.TakeoverSoon))
                        cases.Add(server.Data, promotion);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task No_key_is_lost(string server, Promotion promotion)
    {
        var rounds = KillCase.Rounds(full: 20, few: 1);
        var (lossy, most) = (0, 0);
        foreach (var round in rounds)
        {
            var lost = await RunAsync(server, promotion, round, repairs: round == rounds[^1]);
            lossy += lost > 0 ? 1 : 0;
            most = Math.Max(most, lost);
        }

        output.WriteLine(
            "{0} {1}: slots with lost keys in {2} of {3} rounds, at most {4} slots", server, promotion, lossy, rounds.Count, most);
        // No order of commands helps against a takeover that comes before the replica has heard of the new owner.
        Assert.InRange(most, 0, promotion is Promotion.TakeoverSoon or Promotion.Election ? 0 : MostOfFew);
    }

    // The replica would not know the new owners if it replaced the source now.
    [Theory]
    [MemberData(nameof(MoveMethods.One), MemberType = typeof(MoveMethods))]
    public async Task A_run_waits_for_a_replica_of_the_source_that_hangs_and_names_it(string server)
    {
        await using var scene = await StartAsync(server, nodeTimeout: TimeSpan.FromSeconds(8));
        var work = await scene.BeginBesideOthersAsync(slots: 4_000);
        var replica = await ReplicaOfSourceAsync(scene);
        using var process = await scene.LaunchAsync(work.Request);
        await UntilOwnedAsync(scene.Last, 1);
        replica.Stop();
        var before = await OwnedAsync(scene.Last);
        var other = scene.Cluster.Nodes[1];
        await KillScene.UntilAsync(async () =>
            ((await TestCluster.ViewOfAsync(other)).Single(line => line.Id == replica.Id).Flags & (NodeFlags.PFail | NodeFlags.Fail)) != 0);
        var whileItHung = await OwnedAsync(scene.Last) - before;
        replica.Continue();
        var end = await process.EndAsync();
        output.WriteLine("{0}: {1} slots before, {2} while the replica hung; {3}", server, before, whileItHung, end.FirstFailure);
        end.AssertExited(0);
        Assert.InRange(whileItHung, 0, MostInTransit);
        var name = replica.Endpoint + ", a replica of " + scene.Cluster.Nodes[0].Endpoint;
        Assert.Contains(end.Messages, message => message.Text.Contains(name, StringComparison.Ordinal));
        await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
        await scene.AssertEndedAsync(work.After);
    }

    /// <returns>The number of slots that have lost a key.</returns>
    private async Task<int> RunAsync(string server, Promotion promotion, int round, bool repairs)
    {
        await using var scene = await StartAsync(server, TimeSpan.FromSeconds(promotion == Promotion.Election ? 2 : 15));
        var work = await scene.BeginBesideOthersAsync(Slots);
        var (source, target) = (scene.Cluster.Nodes[0], scene.Last);
        var replica = await ReplicaOfSourceAsync(scene);
        using var process = await scene.LaunchAsync(work.Request);
        // The first windows are small, so the handover is interrupted at another place in each round.
        await UntilOwnedAsync(target, 1 + (round * 37 % 300));
        if (promotion == Promotion.TakeoverByStalledReplica)
            replica.Stop();
        source.Kill();
        var died = Stopwatch.StartNew();
        if (promotion == Promotion.TakeoverSoon)
            await Task.Delay(TimeSpan.FromSeconds(0.3));
        if (promotion == Promotion.TakeoverByStalledReplica)
            replica.Continue();
        if (promotion != Promotion.Election)
            await replica.SendAsync("CLUSTER", "FAILOVER", "TAKEOVER");
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(replica)) is { IsMaster: true, Slots.Count: > 0 });
        var took = died.Elapsed;
        var end = await process.EndAsync();
        await source.RestartAsync();
        // An importing Redis node learns the new owner of these slots only by SETSLOT, so the nodes need not agree on them.
        await KillScene.UntilAsync(async () => (await TestCluster.OwnLineOfAsync(source)).Slots.Count == 0
            && (await Task.WhenAll(scene.Cluster.Nodes.Select(TestCluster.ViewOfAsync)))
                .All(view => view.Single(line => line.Id == replica.Id).IsMaster));
        var where = await scene.WhereAsync(work);
        var lost = await LostAsync(scene);
        output.WriteLine(
            "{0} {1} {2}: promoted after {3:0} ms, exit status {4}, {5}; absent keys in {6} slots; {7}",
            server,
            promotion,
            round,
            took.TotalMilliseconds,
            end.ExitCode,
            where,
            lost.Count,
            end.FirstFailure);
        if (lost.Count == 0 && repairs)
        {
            var started = Stopwatch.StartNew();
            (await scene.RepairAsync()).AssertExited(0);
            output.WriteLine("{0} {1} {2}: repaired in {3:0.0} s", server, promotion, round, started.Elapsed.TotalSeconds);
            await scene.Cluster.Cluster.Cluster.WaitUntilAgreedAsync();
            await scene.Cluster.AssertConsistentAsync();
        }

        return lost.Count;
    }

    private static Task<MoveScene> StartAsync(string server, TimeSpan nodeTimeout) => MoveScene.StartAsync(
        server,
        Keys,
        MoveMethod.KeyByKey,
        options => options with
        {
            NodeTimeout = nodeTimeout,
            ConfigLines = [.. options.ConfigLines, "cluster-migration-barrier 9"],
        },
        replicas: 4);

    private static async Task<LocalNode> ReplicaOfSourceAsync(MoveScene scene)
    {
        var source = scene.Cluster.Nodes[0];
        return scene.Cluster.Cluster.NodeOf((await TestCluster.ViewOfAsync(source)).Single(line => line.MasterId == source.Id).Id);
    }

    private static async Task<int> OwnedAsync(LocalNode node) => (await TestCluster.OwnLineOfAsync(node)).Slots.Count;

    // A handover of all slots takes less than a second.
    private static async Task UntilOwnedAsync(LocalNode target, int slots)
    {
        for (var until = DateTime.UtcNow.AddSeconds(60); await OwnedAsync(target) < slots; await Task.Delay(2))
            Assert.True(DateTime.UtcNow < until, "The target took over no slots within 60 seconds.");
    }

    /// <summary>The slots of which a written key is on no master.</summary>
    private static async Task<IReadOnlySet<int>> LostAsync(MoveScene scene)
    {
        var found = new HashSet<string>();
        foreach (var node in scene.Cluster.Nodes.Where(node => node.IsRunning))
        {
            if ((await TestCluster.OwnLineOfAsync(node)).IsMaster)
                found.UnionWith((await node.SendAsync("KEYS", "*")).Items.Select(key => key.Text));
        }

        return Enumerable.Range(0, scene.Cluster.Keys).Select(FilledCluster.Name).Where(name => !found.Contains(name))
            .Select(FilledCluster.SlotOf).ToHashSet();
    }
}
