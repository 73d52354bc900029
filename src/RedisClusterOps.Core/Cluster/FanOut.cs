using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster;

/// <summary>Runs a step for many nodes concurrently, with a common limit.</summary>
internal static class FanOut
{
    /// <summary>The maximum number of nodes that are asked at the same time.</summary>
    /// <remarks>
    /// A node that hangs occupies a place for the whole timeout while other nodes wait, so the limit is high. But every reply is kept in
    /// memory until it is parsed, and in a cluster of a thousand nodes each reply has a thousand lines.
    /// </remarks>
    public const int MaxConcurrency = 128;

    /// <summary>Runs the step for each item, for at most <see cref="MaxConcurrency"/> items at the same time.</summary>
    /// <returns>The results, in the order of the items.</returns>
    public static async Task<T[]> AllAsync<TItem, T>(IEnumerable<TItem> items, Func<TItem, Task<T>> step, CancellationToken cancellation)
    {
        var all = items.ToList();
        var results = new T[all.Count];
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(MaxConcurrency, all.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
        return results;

        async Task WorkAsync()
        {
            for (int index; (index = Interlocked.Increment(ref next)) < all.Count;)
            {
                cancellation.ThrowIfCancellationRequested();
                results[index] = await step(all[index]).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Runs a step without a result for each item.</summary>
    public static Task AllAsync<TItem>(IEnumerable<TItem> items, Func<TItem, Task> step, CancellationToken cancellation) => AllAsync(
        items,
        async item =>
        {
            await step(item).ConfigureAwait(false);
            return true;
        },
        cancellation);
}
