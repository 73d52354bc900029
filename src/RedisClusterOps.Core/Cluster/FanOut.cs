using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Cluster;

/// <summary>Runs a step for many nodes at once, with one bound for all that do so.</summary>
internal static class FanOut
{
    /// <summary>The most nodes that are asked at a time.</summary>
    /// <remarks>
    /// A node that hangs keeps its place for the whole timeout, and the nodes behind it wait. But every reply is held until it is read,
    /// and in a cluster of a thousand nodes each reply is a thousand lines long.
    /// </remarks>
    public const int MostAtOnce = 128;

    /// <summary>Runs the step for each item; the first <see cref="MostAtOnce"/> start at once, each of the others when one has ended.</summary>
    /// <returns>The results, in the order of the items.</returns>
    public static async Task<T[]> AllAsync<TItem, T>(IEnumerable<TItem> items, Func<TItem, Task<T>> step, CancellationToken cancellation)
    {
        var all = items.ToList();
        var results = new T[all.Count];
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(MostAtOnce, all.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);
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

    /// <summary>The same for a step without a result.</summary>
    public static Task AllAsync<TItem>(IEnumerable<TItem> items, Func<TItem, Task> step, CancellationToken cancellation) => AllAsync(
        items,
        async item =>
        {
            await step(item).ConfigureAwait(false);
            return true;
        },
        cancellation);
}
