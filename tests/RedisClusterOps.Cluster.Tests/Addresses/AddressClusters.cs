using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Addresses;

/// <summary>A cluster of each kind and server. They start concurrently, because forming a cluster is mostly waiting.</summary>
public sealed class AddressClusters : IAsyncLifetime
{
    private readonly Dictionary<(string Kind, string Server), Task<TestCluster>> _clusters = [];

    /// <summary>
    /// Every kind on every server, except unannounced host names, which are tested on one server. In the short proof each kind has one.
    /// </summary>
    public static IEnumerable<(string Kind, string Server)> Cases => AddressKind.All.Keys
        .SelectMany(_ => Servers.RedisAndValkey, (kind, server) => (kind, server.Data))
        .Where(one => one.kind == AddressKind.Unannounced
            ? one.Data == Servers.Valkey91
            : Servers.IsTaken(one.Data, AddressKind.All.Keys.ToList().IndexOf(one.kind)));

    internal Task<TestCluster> Of(string kind, string server)
    {
        if (_clusters.Count == 0)
        {
            foreach (var one in Cases.Where(one => AddressKind.All[one.Kind].IsPossible))
                _clusters[one] = AddressKind.All[one.Kind].StartAsync(one.Server);
        }

        return _clusters[(kind, server)];
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var cluster in _clusters.Values.Where(cluster => cluster.IsCompletedSuccessfully))
            await (await cluster).DisposeAsync();
    }
}
