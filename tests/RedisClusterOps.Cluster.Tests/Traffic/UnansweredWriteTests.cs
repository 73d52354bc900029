using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>A client that cannot tell whether a write was carried out: its ledger takes either value, and nothing else.</summary>
public sealed class UnansweredWriteTests
{
    private readonly Ledger _ledger = new();

    [Fact]
    public void Both_what_was_there_and_what_would_be_are_right()
    {
        _ledger.Acknowledge("key", "1");
        _ledger.Doubt("key", ["2"]);
        Assert.Equal(["1", "2"], _ledger.Possible("key"));
        _ledger.Doubt("key", ["2", "3"]);
        Assert.Equal(["1", "2", "3"], _ledger.Possible("key"));
    }

    [Fact]
    public void A_key_that_was_not_there_may_be_missing_yet_or_hold_what_it_held_before_the_worker_came()
    {
        _ledger.Doubt("key", ["1"]);
        Assert.Equal([null, "1"], _ledger.Possible("key"));
        Assert.Equal(["written", "1"], _ledger.Possible("key", "written"));
        Assert.Empty(_ledger.Acknowledged);
    }

    [Fact]
    public void The_next_answer_settles_it()
    {
        _ledger.Acknowledge("key", "1");
        _ledger.Doubt("key", ["2"]);
        _ledger.Acknowledge("key", "3");
        Assert.Equal(["3"], _ledger.Possible("key"));
        Assert.Empty(_ledger.Unanswered);
    }

    [Fact]
    public void In_the_end_what_is_read_settles_it()
    {
        _ledger.Acknowledge("key", "1");
        _ledger.Doubt("key", ["2"]);
        _ledger.Doubt("other", ["2"]);
        _ledger.Settle("key", "2");
        _ledger.Settle("other", null);
        Assert.Equal(["2"], _ledger.Possible("key"));
        Assert.Equal([null], _ledger.Possible("other"));
        Assert.Equal("2", Assert.Single(_ledger.Acknowledged).Value);
        Assert.Empty(_ledger.Unanswered);
    }
}
