using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Real connections to real servers that run a hook of the test before each send.</summary>
/// <param name="inner">Opens the connections.</param>
/// <param name="before">Runs before the commands are sent to the node.</param>
internal sealed class HookedConnector(INodeConnector inner, Func<NodeEndpoint, IReadOnlyList<RespCommand>, Task> before) : INodeConnector
{
    public IClock Clock => inner.Clock;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(await inner.ConnectAsync(endpoint, cancellation), before);

    private sealed class Connection(INodeConnection inner, Func<NodeEndpoint, IReadOnlyList<RespCommand>, Task> before) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            await before(Endpoint, commands);
            return await inner.SendAsync(commands, timeout, cancellation);
        }

        public void Dispose() => inner.Dispose();
    }
}
