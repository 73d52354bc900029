using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Diagnosis;

/// <summary>The libraries of the clients that are connected, by CLIENT LIST of every reachable node.</summary>
/// <param name="Libraries">Each library and version, those with the most connections first.</param>
/// <param name="Unread">The nodes that refused to list their clients.</param>
internal sealed record ClientKinds(IReadOnlyList<ClientLibrary> Libraries, IReadOnlyList<string> Unread)
{
    private static readonly RespCommand List = RespCommand.Of("CLIENT", "LIST");

    /// <summary>Lists the clients of the nodes. Connections of this module and of replication are not counted.</summary>
    public static async Task<ClientKinds> ReadAsync(
        ClusterReader reader, IEnumerable<ClusterNode> nodes, TimeSpan timeout, CancellationToken cancellation)
    {
        var reachable = nodes.Where(node => node.IsReachable).ToList();
        var lists = await FanOut.AllAsync(reachable, ReadOneAsync, cancellation).ConfigureAwait(false);
        var read = reachable.Zip(lists, (node, clients) => (node.Name, Clients: clients)).ToList();
        return new ClientKinds(
            LibrariesOf(read.Where(node => node.Clients is not null).Select(node => (node.Name, node.Clients!))),
            read.Where(node => node.Clients is null).Select(node => node.Name).ToList());

        async Task<IReadOnlyList<ClientLine>?> ReadOneAsync(ClusterNode node)
        {
            try
            {
                var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
                var replies = await connection.SendAsync([List], timeout, cancellation).ConfigureAwait(false);
                return replies[0].IsError ? null : ClientLine.Parse(replies[0].Text);
            }
            catch (RedisOperationException)
            {
                return null;
            }
        }
    }

    internal static IReadOnlyList<ClientLibrary> LibrariesOf(IEnumerable<(string Node, IReadOnlyList<ClientLine> Clients)> nodes) => nodes
        .SelectMany(node => node.Clients.Select(client => (node.Node, Client: client)))
        .Where(each => !each.Client.IsReplication && !NodeConnector.IsOurName(each.Client.Name))
        .GroupBy(each => (each.Client.Library, each.Client.LibraryVersion))
        .Select(group => new ClientLibrary(
            group.Key.Library,
            group.Key.LibraryVersion,
            group.Count(),
            group.Select(each => each.Node).Distinct().OrderBy(name => name, StringComparer.Ordinal).ToList()))
        .OrderByDescending(library => library.Connections)
        .ThenBy(library => library.Name + " " + library.Version, StringComparer.Ordinal)
        .ToList();
}

/// <summary>A version of a client library.</summary>
/// <param name="Name">Its name; empty for clients that do not report it.</param>
/// <param name="Version">Its version; empty if it is unknown.</param>
/// <param name="Connections">The number of its connections.</param>
/// <param name="Nodes">The nodes that it is connected to.</param>
internal sealed record ClientLibrary(string Name, string Version, int Connections, IReadOnlyList<string> Nodes);
