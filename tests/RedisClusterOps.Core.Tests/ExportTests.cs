using System;
using System.Linq;
using System.Reflection;
using Xunit;

namespace RedisClusterOps.Core.Tests;

/// <summary>What the public types need so that exports show names and text.</summary>
public class ExportTests
{
    // ConvertTo-Json writes the number of an enum, except of one that JavaScript could not hold.
    [Fact]
    public void Every_enum_of_a_public_property_has_64_bits_so_that_JSON_has_its_name()
    {
        var enums = typeof(RedisCluster).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.PropertyType))
            .SelectMany(type => type.IsGenericType ? type.GetGenericArguments() : [type])
            .Where(type => type.IsEnum && type.Assembly == typeof(RedisCluster).Assembly)
            .Where(type => type != typeof(NextActionCode) && type != typeof(NextActionOptions) && type != typeof(OperationEventKind))
            .Distinct().ToList();
        Assert.InRange(enums.Count, 10, 100);
        Assert.All(enums, type => Assert.Equal(typeof(long), Enum.GetUnderlyingType(type)));
    }
}
