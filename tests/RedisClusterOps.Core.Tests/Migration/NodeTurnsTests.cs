using System.Threading.Tasks;
using RedisClusterOps.Migration.Bulk;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

/// <summary>What a node is in the middle of keeps its clients waiting; two things at once would keep them waiting for both.</summary>
public class NodeTurnsTests
{
    private readonly NodeTurns _turns = new();

    [Fact]
    public async Task Sources_that_share_a_target_come_one_after_the_other_in_the_order_that_they_came()
    {
        var (first, second, third) = (Enter("a", "t"), Enter("b", "t"), Enter("c", "t"));
        Assert.True(first.IsCompletedSuccessfully);
        Assert.False(second.IsCompleted || third.IsCompleted);

        _turns.Leave(("a", "t"));
        await second;
        Assert.False(third.IsCompleted);

        _turns.Leave(("b", "t"));
        await third;
    }

    [Fact]
    public void Pairs_that_share_no_node_do_not_wait_for_each_other()
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.True(Enter("b", "u").IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData("a", "u")]
    [InlineData("t", "u")]
    [InlineData("u", "a")]
    public void A_node_is_not_in_two_breaths_at_once_whichever_end_it_is(string source, string target)
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.False(Enter(source, target).IsCompleted);
    }

    [Fact]
    public void Whoever_waits_for_a_busy_node_holds_up_nobody_else()
    {
        Assert.True(Enter("a", "t").IsCompletedSuccessfully);
        Assert.False(Enter("b", "t").IsCompleted);
        Assert.True(Enter("b", "u").IsCompletedSuccessfully);
    }

    private Task Enter(string source, string target) => _turns.EnterAsync((source, target), default);
}
