using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Completion;

/// <summary>
/// -Source and -Target state what the caller expects. If the slot has other ends, the command is refused before anything is sent.
/// </summary>
[Collection(nameof(SharedClusters))]
public sealed class NamedEndsTests(SharedClusters clusters)
{
    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Source_and_target_can_be_named_by_address_id_or_id_prefix(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 1);

        await scene.PlanAsync(scene.Source.Endpoint.ToString(), scene.Target.Endpoint.ToString());
        await scene.PlanAsync(scene.Source.Id[..12], scene.Target.Id.ToUpperInvariant());
        if (!scene.Cluster.IsGarnet)
        {
            // A replica stands for its master as a source, and is refused as a target.
            var (replica, ofTarget) = (scene.Cluster.Node(5), scene.Cluster.Node(7));
            await scene.PlanAsync(replica.Id, scene.Target.Endpoint.ToString());
            var refused = await Assert.ThrowsAsync<RedisOperationException>(
                () => scene.PlanAsync(replica.Id, ofTarget.Endpoint.ToString()));
            Assert.Contains(ofTarget.Endpoint + " is a replica of " + scene.Target.Endpoint, refused.Message);
        }

        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_source_or_target_that_differs_from_the_slot_is_refused(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WedgeAsync(keys: 3, moved: 1);
        var (source, target, other) = (
            scene.Source.Endpoint.ToString(), scene.Target.Endpoint.ToString(), scene.Cluster.Node(2).Endpoint.ToString());
        var watch = await WriteWatch.StartAsync(scene.Cluster);

        await AssertRefusedAsync(scene, FailureCode.SlotNotOwned, "leaves " + source + ", not " + other, other, null);
        await AssertRefusedAsync(scene, FailureCode.SlotNotOwned, "leaves " + source + ", not " + target, target, source);
        await AssertRefusedAsync(scene, FailureCode.SlotStateUnsuitable, "goes to " + target + ", not " + other, source, other);
        await AssertRefusedAsync(scene, FailureCode.SlotStateUnsuitable, "goes to " + target + ", not " + source, null, source);
        await AssertRefusedAsync(scene, FailureCode.NodeNotFound, "no-such-node", "no-such-node", null);
        await AssertRefusedAsync(scene, FailureCode.NodeNotFound, "127.0.0.1:1", null, "127.0.0.1:1");

        await watch.AssertNothingWrittenAsync();
        await scene.CompleteSuccessfullyAsync();
        await scene.AssertClosedAsync();
    }

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Garnet, MemberType = typeof(Servers))]
    public async Task A_stable_slot_is_refused(string server)
    {
        var scene = await clusters.SceneAsync(server);
        await scene.WriteAsync(3);
        await scene.AssertRefusedAsync(FailureCode.SlotNotOpen, "belongs to " + scene.Source.Endpoint);
        await scene.AssertClosedAsync(scene.Source, highestEpoch: false);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_ambiguous_id_prefix_is_refused_and_the_error_names_both_nodes()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 3);
        var scene = new SlotScene(cluster, LabWedge.DefaultSlot, cluster.Node(0), cluster.Node(1));
        await scene.WedgeAsync(keys: 3, moved: 1);
        var shared = scene.Source.Id[..1];
        await RenameUntilAsync(cluster, cluster.Node(2), shared, TestContext.Current.CancellationToken);

        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => scene.PlanAsync(shared, null));
        Assert.Equal((FailureCode.AmbiguousNode, shared), (refusal.Code, refusal.Subject));
        Assert.Contains(scene.Source.Endpoint.ToString(), refusal.Message);
        Assert.Contains(cluster.Node(2).Endpoint.ToString(), refusal.Message);
        Assert.Equal("Get-RedisClusterNode", refusal.NextStep());

        await scene.PlanAsync(scene.Source.Id, null);
    }

    // Node ids are random. An empty node is reset until its id begins with the prefix, then it joins the cluster again.
    private static async Task RenameUntilAsync(TestCluster cluster, LocalNode node, string prefix, CancellationToken cancellation)
    {
        foreach (var other in cluster.Nodes.Where(other => other != node))
            await other.SendAsync("CLUSTER", "FORGET", node.Id);
        string id;
        do
        {
            await node.SendAsync("CLUSTER", "RESET", "HARD");
            id = (await node.SendAsync("CLUSTER", "MYID")).Text;
        }
        while (!id.StartsWith(prefix));
        foreach (var other in cluster.Nodes.Where(other => other != node))
            await node.SendAsync("CLUSTER", "MEET", other.Endpoint.Host, other.Endpoint.Port);
        // A node learns its own address from the others.
        while ((await Task.WhenAll(cluster.Nodes.Select(TestCluster.ViewOfAsync))).Any(view => !view.Any(IsKnown)))
            await Task.Delay(20, cancellation);

        bool IsKnown(NodeLine line) => line.IsMaster && line.Endpoint is not null && line.Id == id;
    }

    private static async Task AssertRefusedAsync(SlotScene scene, FailureCode code, string reason, string? from, string? to)
    {
        var refusal = await Assert.ThrowsAsync<RedisOperationException>(() => scene.PlanAsync(from, to));
        Assert.Equal(code, refusal.Code);
        Assert.Contains(reason, refusal.Message);
        Assert.NotNull(refusal.NextStep());
    }
}
