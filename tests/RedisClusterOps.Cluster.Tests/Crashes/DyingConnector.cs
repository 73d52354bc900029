using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Crashes;

/// <summary>The moment of a send at which our process dies.</summary>
public enum Death
{
    /// <summary>Nothing was sent.</summary>
    BeforeSending,

    /// <summary>The server ran the commands, but the process received no reply.</summary>
    AfterExecution,
}

/// <summary>Stands for the death of the process. The core does not catch it.</summary>
internal sealed class ProcessDiedException : Exception;

/// <summary>Connections of a process that dies at a send and sends nothing afterwards.</summary>
/// <param name="isLast">Whether the process dies at this send, by the number of sends to all nodes and by the commands.</param>
internal sealed class DyingConnector(INodeConnector inner, Func<int, IReadOnlyList<RespCommand>, bool> isLast, Death death) : INodeConnector
{
    private int _sends;
    private volatile bool _dead;

    /// <summary>Creates a connector that dies after this number of sends.</summary>
    public DyingConnector(INodeConnector inner, int sendsToLive, Death death)
        : this(inner, (sends, _) => sends > sendsToLive, death)
    {
    }

    public bool HasDied => _dead;

    public IClock Clock => inner.Clock;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        if (_dead)
            throw new ProcessDiedException();
        return new Mortal(this, await inner.ConnectAsync(endpoint, cancellation));
    }

    /// <summary>The first moment of a case that tests every n-th one. It differs between cases, so that together they test many.</summary>
    public static int FirstMoment(int step, params object[] theCase) => string.Concat(theCase).Sum(letter => letter) % step;

    private sealed class Mortal(DyingConnector process, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            if (process._dead)
                throw new ProcessDiedException();
            if (!process.IsLast(Interlocked.Increment(ref process._sends), commands))
                return await inner.SendAsync(commands, timeout, cancellation);
            process._dead = true;
            if (process.Death == Death.AfterExecution)
                await inner.SendAsync(commands, timeout, CancellationToken.None);
            throw new ProcessDiedException();
        }

        public void Dispose() => inner.Dispose();
    }

    private bool IsLast(int sends, IReadOnlyList<RespCommand> commands) => isLast(sends, commands);

    private Death Death => death;
}
