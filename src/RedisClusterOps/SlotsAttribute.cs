using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace RedisClusterOps;

/// <summary>
/// Lets a slot parameter take numbers and ranges as the output prints them: <c>5519</c>, <c>0-5460</c>, <c>'1,5-9'</c>, lists of these, and
/// objects with the property <c>Slot</c> or <c>SlotRanges</c>. The parameter gets each slot once, in this order.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class SlotsAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        // Null stays null: a parameter that is not mandatory means all slots.
        var value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value is null ? null! : SlotsOf(inputData).Distinct().ToArray();
    }

    private static IEnumerable<int> SlotsOf(object? data)
    {
        var value = data is PSObject wrapped ? wrapped.BaseObject : data;
        return value switch
        {
            null => Parse(string.Empty),
            string text => Parse(text),
            ValueType number => Parse(Convert.ToString(number, CultureInfo.InvariantCulture)!),
            IEnumerable several => several.Cast<object?>().SelectMany(SlotsOf),
            _ => SlotsOf(PropertyOf(data!)),
        };
    }

    private static IEnumerable<int> Parse(string text)
    {
        try
        {
            return SlotRange.ParseSlots(text);
        }
        catch (RedisOperationException invalid)
        {
            throw new ArgumentTransformationMetadataException(invalid.Message);
        }
    }

    private static object PropertyOf(object data)
    {
        var properties = PSObject.AsPSObject(data).Properties;
        // A cast error lets the binder try the other parameters of a pipeline object.
        const string Missing = "This object has no property Slot or SlotRanges.";
        return properties["Slot"]?.Value ?? properties["SlotRanges"]?.Value
            ?? throw new ArgumentTransformationMetadataException(Missing, new PSInvalidCastException(Missing));
    }
}
