using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// Runs work in parallel on threads outside the thread pool. A simulation blocks its thread. On the pool, simulations that wait for the
/// file of an overwritten value would take all the threads that the file needs.
/// </summary>
internal static class DedicatedThreads
{
    /// <exception cref="InvalidOperationException">The first failure; its message names the item.</exception>
    public static void ForEach<T>(IEnumerable<T> items, Action<T> work)
    {
        using var left = items.GetEnumerator();
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(Work) { IsBackground = true }).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        failure?.Throw();

        void Work()
        {
            while (failure is null)
            {
                T item;
                lock (left)
                {
                    if (!left.MoveNext())
                        return;
                    item = left.Current;
                }

                try
                {
                    work(item);
                }
                catch (Exception thrown)
                {
                    failure = ExceptionDispatchInfo.Capture(new InvalidOperationException("With " + item + ": " + thrown.Message, thrown));
                }
            }
        }
    }
}
