using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration;

/// <summary>
/// Keeps operations that disturb each other from running at the same time. A waiting operation starts when it fits with those in progress;
/// of several that fit, the one that has waited longest starts first.
/// </summary>
/// <param name="fits">True if the first operation may start while the others are in progress.</param>
internal sealed class Exclusion<T>(Func<T, IReadOnlyCollection<T>, bool> fits)
{
    private readonly object _lock = new();
    private readonly List<T> _running = [];
    private readonly List<(T Operation, TaskCompletionSource<bool> Start)> _waiting = [];

    /// <summary>Completes when the operation may start; <see cref="Leave"/> ends it.</summary>
    /// <exception cref="OperationCanceledException">A stop was requested before the operation could start.</exception>
    public async Task EnterAsync(T operation, CancellationToken stopping)
    {
        var start = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            stopping.ThrowIfCancellationRequested();
            if (fits(operation, _running))
            {
                _running.Add(operation);
                return;
            }

            _waiting.Add((operation, start));
        }

        using var stop = stopping.Register(() => start.TrySetCanceled());
        await start.Task.ConfigureAwait(false);
    }

    public void Leave(T operation)
    {
        lock (_lock)
        {
            _running.Remove(operation);
            foreach (var next in _waiting.ToList().Where(next => fits(next.Operation, _running)))
            {
                _waiting.Remove(next);
                if (next.Start.TrySetResult(true))
                    _running.Add(next.Operation);
            }
        }
    }
}

/// <summary>The exclusions of a bulk move, named after what each one excludes.</summary>
internal static class Exclusion
{
    /// <summary>Excludes a master that is the source of one pair and the target of another at the same time.</summary>
    /// <remarks>
    /// MIGRATE blocks its source until the target answers. If the target waits in a MIGRATE of its own, and so on in a circle, all of them
    /// wait until they time out. Also, a master that takes over a slot raises its epoch. If it hands over another slot at that moment, its
    /// new epoch may win that slot back, and the new owner then deletes the keys.
    /// </remarks>
    /// <param name="most">The most pairs at a time.</param>
    public static Exclusion<MasterPair> OfSourcesThatAreTargets(int most) => new((pair, running) =>
        running.Count < most && running.All(other => other.Source.Id != pair.Target.Id && other.Target.Id != pair.Source.Id));

    /// <summary>Excludes two batches at one node at the same time.</summary>
    /// <remarks>
    /// Three sources that send to one target concurrently are hardly faster, and each of them serves no client until the keys of the
    /// others have been stored as well.
    /// </remarks>
    public static Exclusion<(string SourceId, string TargetId)> OfBatchesThatShareANode() => new((batch, running) => running.All(other =>
        other.SourceId != batch.SourceId && other.SourceId != batch.TargetId
        && other.TargetId != batch.SourceId && other.TargetId != batch.TargetId));

    /// <summary>Excludes that two targets raise their epochs at the same time. Each operation is the id of a target.</summary>
    /// <remarks>
    /// A target that takes over a slot raises its epoch to one above the highest that it knows, and broadcasts it. Two targets that do so
    /// at once choose the same epoch. One of them then has to yield, and announces its next epoch only with its next ping. Other nodes
    /// that take over slots from it wait seconds for that epoch.
    /// </remarks>
    public static Exclusion<string> OfTargetsThatRaiseEpochs() => new((target, running) => running.All(other => other == target));
}
