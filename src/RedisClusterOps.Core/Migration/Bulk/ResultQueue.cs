using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>Results on their way from a run to whoever waits for them.</summary>
internal sealed class ResultQueue
{
    private readonly object _turn = new();
    private List<SlotOutcome> _ready = [];
    private TaskCompletionSource<bool> _news = NewSource();
    private bool _ended;
    private Exception? _failure;

    public void Add(IReadOnlyCollection<SlotOutcome> outcomes)
    {
        if (outcomes.Count == 0)
            return;
        lock (_turn)
        {
            _ready.AddRange(outcomes);
            _news.TrySetResult(true);
        }
    }

    /// <param name="failure">What ended it; null where it came to its end. It is told after the results.</param>
    public void End(Exception? failure)
    {
        lock (_turn)
        {
            (_ended, _failure) = (true, failure);
            _news.TrySetResult(true);
        }
    }

    /// <returns>Null where there is nothing more to come.</returns>
    public async Task<IReadOnlyList<SlotOutcome>?> TakeAsync()
    {
        while (true)
        {
            Task news;
            lock (_turn)
            {
                if (_ready.Count > 0)
                {
                    var taken = _ready;
                    _ready = [];
                    if (!_ended)
                        _news = NewSource();
                    return taken;
                }

                if (_ended)
                {
                    if (_failure is { } failure)
                        ExceptionDispatchInfo.Capture(failure).Throw();
                    return null;
                }

                // Set by results that were taken already.
                if (_news.Task.IsCompleted)
                    _news = NewSource();
                news = _news.Task;
            }

            await news.ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource<bool> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
