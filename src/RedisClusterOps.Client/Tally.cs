using System;
using System.Threading;
using HdrHistogram;
using RedisClusterOps.Protocol;
using Library = StackExchange.Redis;

namespace RedisClusterOps.Client;

/// <summary>Counts the operations of an interval, their errors by kind, and how long they took.</summary>
internal sealed class Tally
{
    // Microseconds, with three digits. What takes longer counts as the longest time.
    private const long LongestTime = 600_000_000;
    private const double MicrosecondsPerMillisecond = 1000;

    private readonly object _lock = new();
    private readonly LongHistogram _times = new(LongestTime, 3);
    private RedisClientSample _sample = new();
    private long _lost;

    /// <summary>Counts an operation.</summary>
    /// <param name="time">How long it took.</param>
    /// <param name="failure">Its error; null if it succeeded.</param>
    public void Done(TimeSpan time, Exception? failure)
    {
        lock (_lock)
        {
            _times.RecordValue(Math.Clamp((long)time.TotalMicroseconds, 1, LongestTime));
            _sample = _sample with { Operations = _sample.Operations + 1 };
            if (failure is null)
                return;
            var text = failure.Message;
            _sample = _sample with
            {
                Errors = _sample.Errors + 1,
                TryAgain = _sample.TryAgain + One(Begins("TRYAGAIN")),
                ClusterDown = _sample.ClusterDown + One(Begins("CLUSTERDOWN")),
                Timeouts = _sample.Timeouts + One(failure is TimeoutException),
                Trouble = _sample.Trouble ?? Printable.Clean(text, 200),
            };

            bool Begins(string word) => failure is Library.RedisServerException && text.StartsWith(word, StringComparison.Ordinal);
        }

        static int One(bool isSo) => isSo ? 1 : 0;
    }

    /// <summary>Counts an operation that failed before it was sent. It took no time.</summary>
    public void NotSent(string reason)
    {
        lock (_lock)
        {
            _sample = _sample with
            {
                Operations = _sample.Operations + 1,
                Errors = _sample.Errors + 1,
                Trouble = _sample.Trouble ?? reason,
            };
        }
    }

    /// <summary>Counts acknowledged writes that are lost.</summary>
    public void Lost(long writes) => Interlocked.Add(ref _lost, writes);

    /// <summary>Takes the sample of the interval, and begins the next one.</summary>
    public RedisClientSample Take()
    {
        lock (_lock)
        {
            var sample = _sample with { LostWrites = Interlocked.Exchange(ref _lost, 0) };
            if (_times.TotalCount > 0)
            {
                sample = sample with
                {
                    P50 = Milliseconds(_times.GetValueAtPercentile(50)),
                    P99 = Milliseconds(_times.GetValueAtPercentile(99)),
                    Max = Milliseconds(_times.GetMaxValue()),
                };
            }

            _times.Reset();
            _sample = new RedisClientSample();
            return sample;
        }

        static double Milliseconds(long microseconds) => Math.Round(microseconds / MicrosecondsPerMillisecond, 3);
    }
}
