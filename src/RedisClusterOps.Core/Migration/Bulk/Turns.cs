using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Who may work beside whom: each waits until it fits beside those that are at work. The one that has waited longest, of those that fit, comes first.</summary>
/// <param name="fits">Whether the first may begin while the others are at work.</param>
internal abstract class Turns<T>(Func<T, IReadOnlyCollection<T>, bool> fits)
{
    private readonly object _turn = new();
    private readonly List<T> _working = [];
    private readonly List<(T Work, TaskCompletionSource<bool> Turn)> _waiting = [];

    /// <summary>Comes back when it is its turn; <see cref="Leave"/> ends it.</summary>
    /// <exception cref="OperationCanceledException">A stop was asked for before.</exception>
    public async Task EnterAsync(T work, CancellationToken stopping)
    {
        var turn = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_turn)
        {
            stopping.ThrowIfCancellationRequested();
            if (fits(work, _working))
            {
                _working.Add(work);
                return;
            }

            _waiting.Add((work, turn));
        }

        using var stop = stopping.Register(() => turn.TrySetCanceled());
        await turn.Task.ConfigureAwait(false);
    }

    public void Leave(T work)
    {
        lock (_turn)
        {
            _working.Remove(work);
            foreach (var next in _waiting.ToList().Where(next => fits(next.Work, _working)))
            {
                _waiting.Remove(next);
                if (next.Turn.TrySetResult(true))
                    _working.Add(next.Work);
            }
        }
    }
}
