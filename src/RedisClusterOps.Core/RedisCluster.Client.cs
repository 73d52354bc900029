using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;

namespace RedisClusterOps;

/// <content>An application, measured.</content>
public sealed partial class RedisCluster
{
    // Ctrl+C must end within a second.
    private static readonly TimeSpan EndWhenStopped = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan EndWhenDone = TimeSpan.FromSeconds(10);

    private RedisApplicationClient? _client;
    private TimeSpan _clientLeft;

    /// <summary>
    /// Measures an application for one interval. The first call reads the cluster, chooses the keys and connects; the call for the last
    /// interval also ends the application and deletes what it wrote.
    /// </summary>
    /// <param name="options">What the application does.</param>
    /// <param name="load">Loads the client library.</param>
    /// <param name="cancellation">Cancels the measurement, and ends the application.</param>
    /// <returns>The sample; null after the last one.</returns>
    /// <exception cref="RedisOperationException">ConnectionFailed, AuthenticationFailed; what <paramref name="load"/> throws.</exception>
    public async Task<RedisClientSample?> MeasureClientAsync(
        ClientOptions options, Func<RedisApplicationClient> load, CancellationToken cancellation)
    {
        if (_client is null)
        {
            var view = await _reader.ReadAsync(null, cancellation).ConfigureAwait(false);
            var (reads, counters) = await new ClientKeys(_reader).ChooseAsync(view, options, cancellation).ConfigureAwait(false);
            _client = load();
            var work = new ClientWork
            {
                Masters = view.Masters.Where(node => node.IsReachable).Select(node => node.Announced).OfType<NodeEndpoint>().ToList(),
                Dialled = _session.MapAddress,
                Connection = _session.Options,
                Rate = options.Rate,
                Reads = reads,
                Counters = counters,
            };
            await _client.StartAsync(work, cancellation).ConfigureAwait(false);
            _clientLeft = options.Duration;
        }

        if (_clientLeft == TimeSpan.Zero)
            return null;
        // A rest of a few milliseconds is no interval.
        var interval = (_clientLeft - options.Interval).Ticks < options.Interval.Ticks / 10 ? _clientLeft : options.Interval;
        _clientLeft -= interval;
        try
        {
            var sample = await _client.NextAsync(interval, cancellation).ConfigureAwait(false);
            sample = sample with { Time = _reader.Clock.UtcNow, LostWrites = options.Write ? sample.LostWrites : null, Cluster = _session };
            if (_clientLeft > TimeSpan.Zero)
                return sample;
            var end = await _client.EndAsync(EndWhenDone).ConfigureAwait(false);
            return sample with { LostWrites = sample.LostWrites + end.LostWrites, Trouble = sample.Trouble ?? end.Trouble };
        }
        catch (OperationCanceledException)
        {
            await EndClientAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the application before its time, if it still works, and deletes what it wrote. Takes half a second at most.</summary>
    public Task EndClientAsync() => _client?.EndAsync(EndWhenStopped) ?? Task.CompletedTask;
}
