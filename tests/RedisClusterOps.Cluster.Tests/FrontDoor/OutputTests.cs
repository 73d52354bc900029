using System;
using System.Linq;
using System.Text.Json;
using RedisClusterOps.Console.Output;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>How objects, numbers and progress are written, with no cluster at hand.</summary>
public sealed class OutputTests
{
    private static readonly RedisClusterSession Session = RedisClusterSession.Parse("redis://bob:secret@h:1,i:2");

    [Fact]
    public void An_object_is_one_line_with_its_properties_names_enums_by_name_and_no_password()
    {
        var line = JsonLine.Of(new RedisOpenSlot { Slot = 5519, State = RedisOpenSlotState.FinishedOnTarget, KeysOnSource = 3, Detail = "a \"b\" <c> é\n\u001b[31m\u009b", Cluster = Session });
        Assert.DoesNotContain(line, char.IsControl);
        Assert.Contains("\"Slot\":5519,\"State\":\"FinishedOnTarget\"", line);
        Assert.Contains("\"Cluster\":\"h:1,i:2\"", line);
        Assert.DoesNotContain("secret", line);
        Assert.Contains("<c> é", line);
        Assert.Equal("a \"b\" <c> é\n\u001b[31m\u009b", JsonDocument.Parse(line).RootElement.GetProperty("Detail").GetString());
    }

    [Theory]
    [InlineData(typeof(RedisOpenSlot))]
    [InlineData(typeof(RedisSlotMigrationResult))]
    [InlineData(typeof(RedisMigration))]
    [InlineData(typeof(RedisClusterNode))]
    [InlineData(typeof(RedisClusterHealth))]
    [InlineData(typeof(RedisClusterFinding))]
    [InlineData(typeof(RedisSlotMap))]
    [InlineData(typeof(RedisSlotMapMaster))]
    [InlineData(typeof(SlotPlan))]
    [InlineData(typeof(RedisRebalancePlan))]
    [InlineData(typeof(RedisSlotMove))]
    [InlineData(typeof(RedisNodeShare))]
    public void Every_public_property_is_there_and_is_spelled_the_same(Type type)
    {
        var written = JsonDocument.Parse(JsonLine.Of(Activator.CreateInstance(type)!)).RootElement.EnumerateObject().Select(property => property.Name);
        Assert.Equal(type.GetProperties().Select(property => property.Name).Order(), written.Order());
    }

    [Fact]
    public void A_time_is_text_that_every_language_can_read() => Assert.Contains(
        "\"Elapsed\":\"00:01:02.5000000\"", JsonLine.Of(new RedisSlotMigrationResult { Elapsed = TimeSpan.FromSeconds(62.5) }));

    [Theory]
    [InlineData(50, 200, 10, 0.25, 5, 30)]
    [InlineData(200, 200, 10, 1, 20, 0)]
    // Clients wrote keys meanwhile.
    [InlineData(300, 200, 10, 1, 30, 0)]
    public void The_pace_is_share_speed_and_time_left(long done, long total, double seconds, double share, double perSecond, double left)
    {
        var pace = new MovePace(done, total, TimeSpan.FromSeconds(seconds));
        Assert.Equal((share, perSecond, TimeSpan.FromSeconds(left)), (pace.Share, pace.PerSecond, pace.Left));
    }

    [Theory]
    // Nothing moved yet; nothing to move; too little to tell from; no time passed.
    [InlineData(0, 200, 10)]
    [InlineData(0, 0, 10)]
    [InlineData(1, 200, 10)]
    [InlineData(100, 200, 0)]
    public void No_time_left_is_told_while_there_is_nothing_to_tell_it_from(long done, long total, double seconds)
    {
        var pace = new MovePace(done, total, TimeSpan.FromSeconds(seconds));
        Assert.Null(pace.Left);
        Assert.DoesNotContain("left", pace.ToString());
    }

    [Fact]
    public void The_pace_reads_as_one_line() =>
        Assert.Equal("5,200 of 10,000 keys, 2,600/s, 2.00 s elapsed, 1.85 s left", new MovePace(5200, 10_000, TimeSpan.FromSeconds(2)).ToString());

    [Fact]
    public void A_pace_that_never_ends_is_still_a_time() => Assert.NotNull(new MovePace(long.MaxValue / 50, long.MaxValue, TimeSpan.FromDays(1e6)).Left);

    [Theory]
    [InlineData(null, "-")]
    [InlineData(0L, "0B")]
    [InlineData(1023L, "1023B")]
    [InlineData(1536L, "1.5K")]
    [InlineData(1677722L, "1.6M")]
    [InlineData(5L << 40, "5.0T")]
    [InlineData(5000L << 40, "5000.0T")]
    public void Bytes_are_shortened_as_the_server_does(long? bytes, string text) => Assert.Equal(text, Quantity.Bytes(bytes));

    [Theory]
    [InlineData(0.004, "0.00 s")]
    [InlineData(9.99, "9.99 s")]
    [InlineData(59.9, "59.9 s")]
    [InlineData(61, "1 min 1 s")]
    [InlineData(3_725, "1 h 2 min")]
    [InlineData(360_000, "100 h 0 min")]
    public void A_time_is_as_exact_as_it_is_long(double seconds, string text) => Assert.Equal(text, Quantity.Time(TimeSpan.FromSeconds(seconds)));
}
