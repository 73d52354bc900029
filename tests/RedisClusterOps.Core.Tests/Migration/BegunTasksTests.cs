using RedisClusterOps.Migration.Bulk;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>A pair of masters that waits for a task of its own run starts as soon as that task ends.</summary>
public class BegunTasksTests
{
    [Fact]
    public void An_end_completes_the_waits_before_it_and_not_those_after_it()
    {
        var tasks = new BegunTasks();
        var waiting = tasks.NextEnd;
        Assert.False(waiting.IsCompleted);
        tasks.SignalEnd();
        Assert.True(waiting.IsCompletedSuccessfully);
        Assert.False(tasks.NextEnd.IsCompleted);
    }

    [Fact]
    public void A_task_belongs_to_the_run_once_it_was_added()
    {
        var tasks = new BegunTasks();
        Assert.False(tasks.Contains("a"));
        tasks.Add("a");
        Assert.True(tasks.Contains("a"));
        Assert.Equal(["a"], tasks.Ids);
    }
}
