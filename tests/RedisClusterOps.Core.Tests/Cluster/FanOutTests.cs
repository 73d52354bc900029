using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Migration;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

/// <summary>A command to all nodes of a large cluster is sent with limited concurrency.</summary>
public sealed class FanOutTests
{
    private const int Count = 300;
    private const int Limit = 128;

    private readonly ScriptedNodes _nodes = new() { Slowness = System.TimeSpan.FromMilliseconds(5) };

    public FanOutTests()
    {
        for (var self = 0; self < Count; self++)
            _nodes.Node(Address(self), [.. Enumerable.Range(0, Count).Select(i => Line(i, i == self))]);
    }

    [Fact]
    public async Task Reading_a_cluster_again_has_limited_concurrency()
    {
        using var connections = new ClusterConnections(_nodes);
        var reader = new ClusterReader(RedisClusterSession.Parse(Address(0)), connections);
        await reader.ReadAsync(null, default);
        _nodes.Reset();
        await reader.ReadAgainAsync(default);
        Assert.InRange(_nodes.MostAtOnce, Limit / 2, Limit);
    }

    [Fact]
    public async Task Verifying_the_owner_has_limited_concurrency()
    {
        using var connections = new ClusterConnections(_nodes);
        var reader = new ClusterReader(RedisClusterSession.Parse(Address(0)), connections);
        var view = await reader.ReadAsync(null, default);
        using var stop = new StopRequest(SystemClock.Instance, default);
        var verified = 0;
        var verifier = new OwnershipVerifier(reader, view, stop) { Verified = (_, slots) => verified += slots.Count };
        verifier.Add(new MasterPair(view.Node(Id(1))!, view.Node(Id(0))!, [], isAtomic: false), [new SlotMove(7, 0)]);
        _nodes.Reset();
        Assert.Empty(await verifier.FinishAsync(default));
        Assert.Equal(1, verified);
        Assert.InRange(_nodes.MostAtOnce, Limit / 2, Limit);
    }

    [Fact]
    public async Task Counting_keys_on_every_master_has_limited_concurrency()
    {
        using var connections = new ClusterConnections(_nodes);
        var reader = new ClusterReader(RedisClusterSession.Parse(Address(0)), connections);
        var view = await reader.ReadAsync(null, default);
        _nodes.Reset();
        await new SituationReader(reader).ReadAsync(view, 7, default);
        Assert.InRange(_nodes.MostAtOnce, Limit / 2, Limit);
    }

    private static string Address(int i) => "10.1." + (i / 100) + "." + (i % 100) + ":7000";

    private static string Id(int i) => "n" + i.ToString("D3");

    private static string Line(int i, bool isSelf) =>
        Id(i) + " " + Address(i) + "@17000 " + (isSelf ? "myself,master" : "master") + " - 0 0 1 connected"
            + (i == 0 ? " 0-16383" : string.Empty);
}
