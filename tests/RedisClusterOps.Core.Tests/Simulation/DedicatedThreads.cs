using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// Work side by side, on threads that are not of the pool. A simulation holds its thread to the end; on those of the pool it would
/// be waiting for the file of a losing value, and that file, behind the next simulation, for a thread.
/// </summary>
internal static class OwnThreads
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
