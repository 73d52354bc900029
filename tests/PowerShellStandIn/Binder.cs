using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;

namespace System.Management.Automation.StandIn;

/// <summary>
/// Binds parameters by name, by value and by property name, in the engine's order: by value as it is, by property name, by value converted.
/// The parameter set is the one of what is named, else the default one; no positions, no aliases: that is all the tests need.
/// </summary>
internal sealed class Binder
{
    private static readonly HashSet<string> Common = new(StringComparer.OrdinalIgnoreCase) { "Debug", "Verbose", "WhatIf", "Confirm" };
    private readonly PSCmdlet _cmdlet;
    private readonly PropertyInfo[] _parameters;
    private readonly Dictionary<PropertyInfo, object?> _defaults;
    private readonly HashSet<PropertyInfo> _named = [];
    private readonly HashSet<PropertyInfo> _fromInput = [];

    public Binder(Cmdlet cmdlet)
    {
        _cmdlet = (PSCmdlet)cmdlet;
        _parameters = [.. cmdlet.GetType().GetProperties().Where(p => p.IsDefined(typeof(ParameterAttribute), inherit: true))];
        _defaults = _parameters.ToDictionary(p => p, p => p.GetValue(cmdlet));
    }

    public void BindNamed(IReadOnlyDictionary<string, object?> arguments)
    {
        foreach (var (name, value) in arguments)
        {
            if (Common.Contains(name))
            {
                _cmdlet.MyInvocation.BoundParameters[name] = value is bool given ? new SwitchParameter(given) : value!;
                continue;
            }

            var parameter = _parameters.FirstOrDefault(p => p.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw new ParameterBindingException("NamedParameterNotFound", "There is no parameter -" + name + ".");
            Set(parameter, value, convert: true);
            _named.Add(parameter);
        }
    }

    public void BindInput(object? item)
    {
        // What the object before brought must not linger.
        foreach (var parameter in _fromInput)
        {
            parameter.SetValue(_cmdlet, _defaults[parameter]);
            _cmdlet.MyInvocation.BoundParameters.Remove(parameter.Name);
        }

        _fromInput.Clear();
        var byValue = Open(a => a.ValueFromPipeline).ToArray();
        var bound = byValue.Any(p => TrySet(p, item, convert: false));
        foreach (var parameter in bound ? [] : Open(a => a.ValueFromPipelineByPropertyName).ToArray())
        {
            if (item?.GetType().GetProperty(parameter.Name) is { } property)
                bound |= TrySet(parameter, property.GetValue(item), convert: true);
        }

        if (!bound && !byValue.Any(p => TrySet(p, item, convert: true)))
            throw new ParameterBindingException("InputObjectNotBound", "The input object binds to no parameter.");
    }

    public void RequireMandatory()
    {
        foreach (var parameter in _parameters)
        {
            if (Attribute(parameter).Mandatory && IsInSet(parameter) && !_named.Contains(parameter) && !_fromInput.Contains(parameter))
                throw new ParameterBindingException("MissingMandatoryParameter", "-" + parameter.Name + " is missing.");
        }
    }

    private IEnumerable<PropertyInfo> Open(Func<ParameterAttribute, bool> takes) =>
        _parameters.Where(p => takes(Attribute(p)) && IsInSet(p) && !_named.Contains(p));

    private bool IsInSet(PropertyInfo parameter) => Attribute(parameter).ParameterSetName is not { } set || set == ChosenSet;

    private string? ChosenSet => _named.Select(p => Attribute(p).ParameterSetName).FirstOrDefault(set => set is not null)
        ?? _cmdlet.GetType().GetCustomAttribute<CmdletAttribute>()!.DefaultParameterSetName;

    private static ParameterAttribute Attribute(PropertyInfo parameter) => parameter.GetCustomAttribute<ParameterAttribute>()!;

    private bool TrySet(PropertyInfo parameter, object? value, bool convert)
    {
        try
        {
            Set(parameter, value, convert);
        }
        catch (ParameterBindingException e) when (e.ErrorId == "CannotConvertArgument")
        {
            return false;
        }

        _fromInput.Add(parameter);
        return true;
    }

    private void Set(PropertyInfo parameter, object? value, bool convert)
    {
        try
        {
            foreach (var transformation in parameter.GetCustomAttributes<ArgumentTransformationAttribute>())
                value = transformation.Transform(new EngineIntrinsics(), value!);
            value = convert ? To(parameter.PropertyType, value) : AsIs(parameter.PropertyType, value);
            foreach (var validation in parameter.GetCustomAttributes<ValidateArgumentsAttribute>())
                validation.Check(value);
        }
        catch (ValidationMetadataException e)
        {
            throw new ParameterBindingException("ParameterArgumentValidationError", e.Message);
        }
        catch (MetadataException e)
        {
            throw new ParameterBindingException("ParameterArgumentTransformationError", e.Message);
        }

        parameter.SetValue(_cmdlet, value);
        _cmdlet.MyInvocation.BoundParameters[parameter.Name] = value!;
    }

    private static object? AsIs(Type type, object? value) =>
        type.IsInstanceOfType(value) ? value : throw NotConvertible(type, value);

    private static object? To(Type type, object? value)
    {
        if (value is null)
            return type.IsValueType && Nullable.GetUnderlyingType(type) is null ? throw NotConvertible(type, value) : null;
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsInstanceOfType(value))
            return value;
        if (type.IsArray)
        {
            var items = (value is IEnumerable several and not string ? several.Cast<object?>() : [value]).ToArray();
            var array = Array.CreateInstance(type.GetElementType()!, items.Length);
            for (var i = 0; i < items.Length; i++)
                array.SetValue(To(type.GetElementType()!, items[i]), i);
            return array;
        }

        try
        {
            if (type == typeof(SwitchParameter))
                return new SwitchParameter((bool)value);
            return type.IsEnum
                ? Enum.Parse(type, value.ToString()!, ignoreCase: true)
                : Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is InvalidCastException or FormatException or OverflowException or ArgumentException)
        {
            throw NotConvertible(type, value);
        }
    }

    private static ParameterBindingException NotConvertible(Type type, object? value) =>
        new("CannotConvertArgument", "'" + value + "' is no " + type.Name + ".");
}
