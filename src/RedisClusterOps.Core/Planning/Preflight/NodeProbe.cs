using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Asks what need not be answered: a command may be forbidden or unknown, a node too busy. What is not told is not known.</summary>
internal sealed class NodeProbe(ClusterReader reader)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public IClock Clock => reader.Clock;

    /// <returns>One reply for each command, errors included; null where the node did not answer.</returns>
    public async Task<IReadOnlyList<RespValue>?> AskAsync(ClusterNode node, IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        if (!node.IsReachable)
            return null;
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            return await connection.SendAsync(commands, Patience, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            return null;
        }
    }
}
