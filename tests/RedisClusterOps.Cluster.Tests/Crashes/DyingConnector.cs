using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Crashes;

/// <summary>When, at a send, our own process dies.</summary>
public enum Death
{
    /// <summary>Nothing of the send has left.</summary>
    BeforeSending,

    /// <summary>The server carried it out; we never learned so.</summary>
    AfterTheServerDidIt,
}

/// <summary>The process is gone: nothing in the core catches this.</summary>
internal sealed class ProcessDiedException : Exception;

/// <summary>Connections of a process that dies at a send, and sends nothing more.</summary>
/// <param name="isLast">Whether it dies at this one: how many there have been, over all nodes, and what is sent.</param>
internal sealed class DyingConnector(INodeConnector inner, Func<int, IReadOnlyList<RespCommand>, bool> isLast, Death death) : INodeConnector
{
    private int _sends;
    private volatile bool _dead;

    /// <summary>One that dies at its n-th send.</summary>
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

    /// <summary>Where a case that takes every n-th moment begins: each elsewhere, so that all of them together meet many.</summary>
    public static int FirstMoment(int step, params object[] theCase) => string.Concat(theCase).Sum(letter => letter) % step;

    private sealed class Mortal(DyingConnector process, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            if (process._dead)
                throw new ProcessDiedException();
            if (!process.IsLast(Interlocked.Increment(ref process._sends), commands))
                return await inner.SendAsync(commands, timeout, cancellation);
            process._dead = true;
            if (process.Death == Death.AfterTheServerDidIt)
                await inner.SendAsync(commands, timeout, CancellationToken.None);
            throw new ProcessDiedException();
        }

        public void Dispose() => inner.Dispose();
    }

    private bool IsLast(int sends, IReadOnlyList<RespCommand> commands) => isLast(sends, commands);

    private Death Death => death;
}
