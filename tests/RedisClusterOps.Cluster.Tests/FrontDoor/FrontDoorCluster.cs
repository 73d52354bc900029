using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>One Redis 7.0 cluster of four masters, the last without slots, for all tests of rco; each works on slots that no other gets.</summary>
[CollectionDefinition(nameof(FrontDoorCluster))]
public sealed class FrontDoorCluster : IAsyncLifetime, ICollectionFixture<FrontDoorCluster>
{
    private int _slot;

    internal TestCluster Cluster { get; private set; } = null!;

    internal RcoHome Rco { get; } = new();

    /// <summary>Any node of it.</summary>
    internal string Entry => Cluster.Node(0).Endpoint.ToString();

    internal LocalNode Source => Cluster.Node(0);

    internal LocalNode Target => Cluster.Node(3);

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(Servers.Redis70);

    public async ValueTask DisposeAsync()
    {
        Rco.Dispose();
        await Cluster.DisposeAsync();
    }

    /// <summary>A slot that is stable on the source.</summary>
    internal int NewSlot() => Interlocked.Increment(ref _slot);

    /// <summary>A slot that is stuck half-way from the source to the target.</summary>
    internal async Task<int> StuckSlotAsync(int keys, int moved)
    {
        var slot = NewSlot();
        await Cluster.Wedge().WedgeAsync(Target.Endpoint, slot, keys, moved);
        return slot;
    }

    /// <summary>rco on this cluster.</summary>
    internal Task<RcoRun> RunAsync(params string[] arguments) => Rco.RunAsync([.. arguments, "--cluster", Entry]);
}
