using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Driver;

/// <summary>Connections of a process that kills itself (SIGKILL) at a command that changes members or roles.</summary>
internal sealed class DyingConnector : INodeConnector
{
    private static readonly string[] Changes = ["MEET", "REPLICATE", "FORGET", "RESET", "FAILOVER"];

    private readonly INodeConnector _inner;
    private readonly DriverDeath _death;
    private int _sent;

    private DyingConnector(INodeConnector inner, DriverDeath death)
    {
        _inner = inner;
        _death = death;
    }

    public IClock Clock => _inner.Clock;

    public static INodeConnector Of(INodeConnector inner, DriverDeath? death) =>
        death is null ? inner : new DyingConnector(inner, death);

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(this, await _inner.ConnectAsync(endpoint, cancellation));

    private static bool IsChange(RespCommand command) =>
        command.ToString().Split(' ') is ["CLUSTER", var word, ..] && Changes.Contains(word);

    private static void Die()
    {
        using var self = Process.GetCurrentProcess();
        self.Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    private sealed class Connection(DyingConnector process, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            var isLast = commands.Any(IsChange) && Interlocked.Increment(ref process._sent) == process._death.Number;
            if (isLast && !process._death.IsSent)
                Die();
            var replies = await inner.SendAsync(commands, timeout, cancellation);
            if (isLast)
                Die();
            return replies;
        }

        public void Dispose() => inner.Dispose();
    }
}
