using Xunit;

namespace RedisClusterOps.Cluster.Tests.Traffic;

/// <summary>If the outcome of a write is unknown, the ledger accepts the value before and the new one, and no other.</summary>
public sealed class UnansweredWriteTests
{
    private readonly Ledger _ledger = new();

    [Fact]
    public void Both_the_value_before_and_the_new_value_are_possible()
    {
        _ledger.Acknowledge("key", "1");
        _ledger.Doubt("key", ["2"]);
        Assert.Equal(["1", "2"], _ledger.Possible("key"));
        _ledger.Doubt("key", ["2", "3"]);
        Assert.Equal(["1", "2", "3"], _ledger.Possible("key"));
    }

    [Fact]
    public void A_key_without_acknowledged_writes_may_be_missing_or_have_its_initial_value()
    {
        _ledger.Doubt("key", ["1"]);
        Assert.Equal([null, "1"], _ledger.Possible("key"));
        Assert.Equal(["written", "1"], _ledger.Possible("key", "written"));
        Assert.Empty(_ledger.Acknowledged);
    }

    [Fact]
    public void The_next_acknowledged_write_settles_it()
    {
        _ledger.Acknowledge("key", "1");
        _ledger.Doubt("key", ["2"]);
        _ledger.Acknowledge("key", "3");
        Assert.Equal(["3"], _ledger.Possible("key"));
        Assert.Empty(_ledger.Unanswered);
    }

    [Fact]
    public void The_final_read_settles_it()
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
