using RedisClusterOps.Migration.Atomic;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>Whose turn comes when a task of the run has ended need not wait any longer.</summary>
public class BegunTasksTests
{
    [Fact]
    public void An_end_wakes_whoever_was_waiting_and_nobody_who_comes_later()
    {
        var tasks = new BegunTasks();
        var waiting = tasks.NextEnd;
        Assert.False(waiting.IsCompleted);
        tasks.SignalEnd();
        Assert.True(waiting.IsCompletedSuccessfully);
        Assert.False(tasks.NextEnd.IsCompleted);
    }

    [Fact]
    public void A_task_is_the_runs_own_once_it_has_begun()
    {
        var tasks = new BegunTasks();
        Assert.False(tasks.Contains("a"));
        tasks.Add("a");
        Assert.True(tasks.Contains("a"));
        Assert.Equal(["a"], tasks.Ids);
    }
}
