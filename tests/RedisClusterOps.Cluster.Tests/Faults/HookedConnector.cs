using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Real connections to real servers, with a moment before each send in which a test lets something happen.</summary>
/// <param name="inner">Makes the connections.</param>
/// <param name="before">What happens before the commands leave for that node.</param>
internal sealed class HookedConnector(INodeConnector inner, Func<NodeEndpoint, IReadOnlyList<RespCommand>, Task> before) : INodeConnector
{
    public IClock Clock => inner.Clock;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(await inner.ConnectAsync(endpoint, cancellation), before);

    private sealed class Connection(INodeConnection inner, Func<NodeEndpoint, IReadOnlyList<RespCommand>, Task> before) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            await before(Endpoint, commands);
            return await inner.SendAsync(commands, timeout, cancellation);
        }

        public void Dispose() => inner.Dispose();
    }
}
