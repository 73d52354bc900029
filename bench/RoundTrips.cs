using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Benchmarks;

/// <summary>Counts the round trips of a run: a round trip is one pipelined batch and its replies.</summary>
internal sealed class RoundTrips(INodeConnector inner) : INodeConnector
{
    private readonly object _lock = new();
    private int _longestEnded;

    public IClock Clock => inner.Clock;

    /// <summary>All round trips, to all nodes.</summary>
    public int All { get; private set; }

    /// <summary>
    /// The longest series of round trips that each began after the one before had ended. At a distance the run takes at least this many
    /// times the round trip.
    /// </summary>
    public int InARow => _longestEnded;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation) =>
        new Connection(this, await inner.ConnectAsync(endpoint, cancellation));

    private int Begin()
    {
        lock (_lock)
        {
            All++;
            return _longestEnded + 1;
        }
    }

    private void End(int place)
    {
        lock (_lock)
            _longestEnded = Math.Max(_longestEnded, place);
    }

    private sealed class Connection(RoundTrips counter, INodeConnection inner) : INodeConnection
    {
        public NodeEndpoint Endpoint => inner.Endpoint;

        public bool IsUsable => inner.IsUsable;

        public async Task<IReadOnlyList<RespValue>> SendAsync(
            IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
        {
            var place = counter.Begin();
            try
            {
                return await inner.SendAsync(commands, timeout, cancellation);
            }
            finally
            {
                counter.End(place);
            }
        }

        public void Dispose() => inner.Dispose();
    }
}
