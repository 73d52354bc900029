using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration;

/// <summary>
/// Which pairs of masters are at work at once: nobody is a source and a target at the same time. A MIGRATE blocks its source until the target has
/// answered; where that one waits in a MIGRATE of its own, and so on in a circle, all of them wait for their timeout. And whoever is given a slot
/// raises its epoch: if it is giving another one away in that moment, its new epoch may win that slot back, and the new owner deletes the keys.
/// </summary>
internal sealed class PairTurns(int most)
{
    private readonly object _turn = new();
    private readonly List<SlotPair> _working = [];
    private readonly List<(SlotPair Pair, TaskCompletionSource<bool> Turn)> _waiting = [];

    /// <summary>Comes back when it is the pair's turn.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for before.</exception>
    public async Task EnterAsync(SlotPair pair, CancellationToken stopping)
    {
        var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_turn)
        {
            stopping.ThrowIfCancellationRequested();
            if (Fits(pair))
            {
                _working.Add(pair);
                return;
            }

            _waiting.Add((pair, turn));
        }

        using var stop = stopping.Register(() => turn.TrySetCanceled());
        await turn.Task.ConfigureAwait(false);
    }

    public void Leave(SlotPair pair)
    {
        lock (_turn)
        {
            _working.Remove(pair);
            foreach (var next in _waiting.ToList().Where(next => Fits(next.Pair)))
            {
                _waiting.Remove(next);
                if (next.Turn.TrySetResult(true))
                    _working.Add(next.Pair);
            }
        }
    }

    private bool Fits(SlotPair pair) => _working.Count < most
        && _working.All(other => other.Source.Id != pair.Target.Id && other.Target.Id != pair.Source.Id);
}
