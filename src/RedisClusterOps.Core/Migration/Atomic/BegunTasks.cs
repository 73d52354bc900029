using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>The servers' tasks that one run has begun, of all its pairs of nodes: to cancel one export is to cancel all of its source's.</summary>
internal sealed class BegunTasks
{
    private readonly ConcurrentDictionary<string, bool> _ids = new(StringComparer.Ordinal);
    private TaskCompletionSource<bool> _end = NewEnd();

    public ICollection<string> Ids => _ids.Keys;

    /// <summary>Comes when the next of them ends: a node of Redis takes part in one at a time, so another pair may be waiting for just that.</summary>
    public Task NextEnd => Volatile.Read(ref _end).Task;

    public void Add(string id) => _ids[id] = true;

    public bool Contains(string id) => _ids.ContainsKey(id);

    public void SignalEnd() => Interlocked.Exchange(ref _end, NewEnd()).SetResult(true);

    private static TaskCompletionSource<bool> NewEnd() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
