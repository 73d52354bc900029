using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks;

namespace RedisClusterOps;

/// <summary>A move of many slots in progress. It returns the result of each slot as soon as every node agrees on the new owner.</summary>
/// <remarks>
/// The run ends by itself. To end it early, cancel the token that it was started with. In both cases take its results until there are no
/// more before the <see cref="RedisCluster"/> is disposed: until then the run needs the connections.
/// </remarks>
public sealed class SlotMoveRun
{
    private readonly object _lock = new();
    private List<SlotOutcome> _ready = [];
    private TaskCompletionSource<bool> _news = NewSource();
    private bool _hasEnded;
    private Exception? _failure;

    internal SlotMoveRun(string? migrationId) => MigrationId = migrationId;

    /// <summary>Id of the run in the journal; null if there is no journal.</summary>
    public string? MigrationId { get; }

    /// <summary>
    /// What a run that was stopped, or whose time was over, has done and left, and how to resume it; null if the run did not end early.
    /// Known when there are no more results.
    /// </summary>
    public RedisOperationException? EndedEarly { get; private set; }

    /// <summary>Waits for results.</summary>
    /// <returns>The results since the last call; null if the run has ended.</returns>
    /// <exception cref="RedisOperationException">The cluster can't be read any more, or the journal can't be written.</exception>
    public async Task<IReadOnlyList<SlotOutcome>?> NextAsync()
    {
        while (true)
        {
            Task news;
            lock (_lock)
            {
                if (_ready.Count > 0)
                {
                    var taken = _ready;
                    _ready = [];
                    if (!_hasEnded)
                        _news = NewSource();
                    return taken;
                }

                if (_hasEnded)
                {
                    if (_failure is { } failure)
                        ExceptionDispatchInfo.Capture(failure).Throw();
                    return null;
                }

                // Completed by results that were taken already.
                if (_news.Task.IsCompleted)
                    _news = NewSource();
                news = _news.Task;
            }

            await news.ConfigureAwait(false);
        }
    }

    internal void Add(IReadOnlyCollection<SlotOutcome> outcomes)
    {
        if (outcomes.Count == 0)
            return;
        lock (_lock)
        {
            _ready.AddRange(outcomes);
            _news.TrySetResult(true);
        }
    }

    /// <param name="early">What a run that ended early has left; null for any other.</param>
    /// <param name="failure">What ended the run, to be thrown after the last result; null if it ran to its end.</param>
    internal void End(RedisOperationException? early, Exception? failure)
    {
        lock (_lock)
        {
            (_hasEnded, EndedEarly, _failure) = (true, early, failure);
            _news.TrySetResult(true);
        }
    }

    private static TaskCompletionSource<bool> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
